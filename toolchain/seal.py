"""A checksum over the bytes of a file, as its last line: with it, a file that differs anywhere is known before it is opened.

It tells damage and carelessness, not malice: whoever changes a file on purpose can seal it again. Formats that ignore what
lies behind their end (HDF5) or keep room for a comment there (ZIP) are read by their own libraries as before.
"""

import hashlib
from enum import Enum
from io import BytesIO
from typing import BinaryIO

from snnc.toolchain.errors import FileFormatError

MARK = b"\nsnnc sha256 "
LENGTH = len(MARK) + hashlib.sha256().digest_size * 2 + 1
ZIP_END, ZIP_END_LENGTH = b"PK\x05\x06", 22  # the end record of a ZIP file without a comment, whose length stands last
BLOCK = 2**20


class Seal(Enum):
    """What the end of a file says about its bytes."""

    FITS = ""
    BROKEN = "its bytes do not fit the checksum at its end, so it was damaged or edited; write it again"
    ABSENT = (
        "no checksum of snnc at its end, so it was cut, changed by another program, or written by another version of snnc; "
        "write it again"
    )

    def check(self, *allowed: "Seal") -> None:
        """Raise FileFormatError, with what is wrong, unless the seal fits or is one of the allowed."""
        if self is not Seal.FITS and self not in allowed:
            raise FileFormatError(self.value)


def sealed(content: bytes) -> bytes:
    """Return the bytes of a file with their seal behind them."""
    return content + MARK + hashlib.sha256(content).hexdigest().encode() + b"\n"


class Sealing:
    """Writes a file part by part, and at the end the seal of all of them."""

    def __init__(self, file: BinaryIO):
        """Start at the current end of an open file."""
        self._file, self._digest = file, hashlib.sha256()

    def write(self, part: bytes) -> None:
        """Write the next part."""
        self._file.write(part)
        self._digest.update(part)

    def finish(self) -> None:
        """Write the seal."""
        self._file.write(MARK + self._digest.hexdigest().encode() + b"\n")


def sealed_zip(content: bytes) -> bytes:
    """Return a ZIP file, which has no comment yet, with its seal as the comment. Raises ValueError for anything else."""
    if content[-ZIP_END_LENGTH:][:4] != ZIP_END:
        raise ValueError("no ZIP file, or one with a comment")
    return sealed(content[:-2] + LENGTH.to_bytes(2, "little"))


def seal_of(content: bytes) -> Seal:
    """Tell whether the seal at the end of a file's bytes fits all bytes in front of it."""
    return seal_of_file(BytesIO(content))


def seal_of_file(file: BinaryIO) -> Seal:
    """Do the same for an open file, block by block; it stands at its start again."""
    size = file.seek(0, 2) - LENGTH
    if size < 0:
        file.seek(0)
        return Seal.ABSENT
    file.seek(size)
    found = file.read(LENGTH)
    file.seek(0)
    if not (found.startswith(MARK) and found.endswith(b"\n")):
        return Seal.ABSENT
    digest = hashlib.sha256()
    while size:
        block = file.read(min(size, BLOCK))
        if not block:
            break
        digest.update(block)
        size -= len(block)
    file.seek(0)
    fits = found == MARK + digest.hexdigest().encode() + b"\n"
    return Seal.FITS if fits else Seal.BROKEN
