"""Files of torch.save that anybody may have written: judged before torch opens them, so that none asks for more than it holds.

`torch.load(weights_only=True)` runs no code, but it makes whatever a file claims: storages that unpack a thousandfold, tensors
that repeat one number, byte arrays of any length. What `torch.save` writes of plain values and tensors has none of these.
"""

import pickletools
import struct
import warnings
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import torch
from torch import Tensor

MOST_ENTRIES = 100_000
MOST_PICKLE = 2**22  # bytes of the part that is no numbers
END, WIDE, LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"  # the records behind the directory of a ZIP file
WIDE_LENGTH = 56 + 20  # bytes of the second and the third
MOST_END = 2**16 + 22 + WIDE_LENGTH
KINDS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch Size",
    *(f"torch {kind}Storage" for kind in KINDS),
}


class Unfit(ValueError):
    """A file that torch is not asked to open; the text says why."""


def load_tensors(file: BinaryIO) -> Any:
    """Return what torch.save wrote into an open file: plain values and tensors, which take no more memory than the file.

    Raises Unfit for anything else, and whatever torch raises for damaged bytes.
    """
    size = file.seek(0, 2)
    text = check_archive(file)
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = torch.load(file, map_location="cpu", weights_only=True)
    _check_claims(content, size, 4 * text + 1000)
    return content


def check_archive(file: BinaryIO) -> int:
    """Raise Unfit unless an open file is an archive that `load_tensors` may open; return the bytes of its pickle."""
    size = file.seek(0, 2)
    _check_directory(file, size)
    try:
        with ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES or len({entry.filename for entry in entries}) < len(entries):
                raise Unfit("its archive holds too many files, or one twice")
            if any(entry.compress_type != ZIP_STORED for entry in entries) or sum(e.file_size for e in entries) > size:
                raise Unfit("its archive is packed, or claims more than it holds")
            pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if len(pickles) != 1 or pickles[0].file_size > MOST_PICKLE:
                raise Unfit(f"its archive needs one data.pkl of at most {MOST_PICKLE:,} bytes")
            _check_pickle(archive.read(pickles[0]))
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, struct.error) as error:
        raise Unfit(f"no archive that can be read ({error})") from None
    return pickles[0].file_size


def _check_directory(file: BinaryIO, size: int) -> None:
    """Raise Unfit unless the directory lies right before its end record, so that all readers of ZIP files see the same one."""
    file.seek(max(0, size - MOST_END))
    tail = file.read()
    place = tail.rfind(END)
    if not 0 <= place <= len(tail) - 22:
        raise Unfit("no archive of torch.save")
    length, start = struct.unpack("<II", tail[place + 12 : place + 20])
    wide = place - WIDE_LENGTH  # where torch.save puts the record for files beyond 4 GiB, whose numbers then count
    if wide >= 0 and tail[wide:][:4] == WIDE and tail[place - 20 :][:4] == LOCATOR:
        length, start = struct.unpack("<QQ", tail[wide + 40 : wide + 56])
        (found,) = struct.unpack("<Q", tail[place - 12 : place - 4])
        place = wide if found == size - len(tail) + wide else -1
    elif tail[max(0, place - 20) :][:4] == LOCATOR:
        place = -1
    if place < 0 or start + length != size - len(tail) + place:
        raise Unfit("its archive has no directory where it should be")


def _check_pickle(content: bytes) -> None:
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4") and argument not in GLOBALS:
            raise Unfit(f"it names {str(argument)[:80]!r}, which is no tensor of numbers")


def _check_claims(content: Any, most_bytes: int, most_values: int) -> None:
    """Raise Unfit if tensors claim more bytes than the file has, or values that share parts more values than it has."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        most_values -= 1
        if isinstance(value, Tensor):
            if type(value) is not Tensor or value.layout is not torch.strided or value.device.type != "cpu":
                raise Unfit("it holds a tensor that is not dense")
            most_bytes -= value.numel() * value.element_size()
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set | frozenset):
            waiting += value
        elif isinstance(value, str | bytes):
            most_values -= len(value)
        if most_bytes < 0 or most_values < 0 or len(waiting) > most_values:
            raise Unfit("its values claim more than the file holds")
