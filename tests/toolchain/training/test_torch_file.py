"""Files of torch.save are judged before torch opens them: none takes more memory than it has bytes."""

import struct
import zipfile
from collections import OrderedDict
from io import BytesIO
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnc.toolchain.training.torch_file import MOST_PICKLE, Unfit, load_tensors


def saved(content: Any) -> bytes:
    buffer = BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def packed(content: bytes, compression: int = zipfile.ZIP_STORED, more: str = "") -> bytes:
    """Return an archive anew, with other files in it."""
    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", compression) as archive:
        for entry in old.infolist():
            archive.writestr(entry.filename, old.read(entry))
        if more:
            archive.writestr(more, b".")
    return buffer.getvalue()


def bomb() -> Any:
    """Return lists in lists that share their parts: small in the file, and without end as JSON."""
    value: Any = ["lol"] * 10
    for _ in range(20):
        value = [value] * 10
    return value


def test_what_torch_saves_is_loaded() -> None:
    module = nn.Conv2d(3, 4, 2).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    content = {
        "weights": module.state_dict(),
        "steps": torch.tensor(3),
        "flag": True,
        "half": torch.ones(2).half(),
        "list": [1.5],
    }
    loaded = load_tensors(BytesIO(saved(content)))
    assert list(loaded) == list(content)
    assert torch.equal(loaded["weights"]["weight"], module.weight)
    twice = torch.ones(5)
    assert load_tensors(BytesIO(saved([twice[:2], twice[2:]])))[1].shape == (3,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no archive of torch.save"),
        (b"PK\x05\x06", "no archive of torch.save"),
        (saved(torch.ones(1))[:-30], "no archive of torch.save"),
        (saved([torch.zeros(1).expand(2**40)]), "its values claim more than the file holds"),
        (saved([torch.ones(9)] * 1000), "its values claim more than the file holds"),
        (saved(bomb()), "its values claim more than the file holds"),
        (saved([torch.zeros(1).to_sparse()]), "_rebuild_sparse_tensor', which is no tensor of numbers"),
        (saved(nn.Parameter(torch.ones(1))), "_rebuild_parameter', which is no tensor of numbers"),
        (saved({1, 2}), "'__builtin__ set', which is no tensor of numbers"),
        (saved(bytearray(5)), "bytearray', which is no tensor of numbers"),
        (packed(saved(torch.zeros(2**20)), zipfile.ZIP_DEFLATED), "its archive is packed, or claims more than it holds"),
        (packed(saved(torch.ones(1)), more="b/data.pkl"), "needs one data.pkl"),
        (saved("x" * (MOST_PICKLE + 1)), "needs one data.pkl of at most 4,194,304 bytes"),
    ],
    ids=range(13),
)
def test_what_claims_more_than_it_holds_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(Unfit, match=message):
        load_tensors(BytesIO(content))


def test_a_storage_larger_than_its_entry_is_refused() -> None:
    content = bytearray(saved(torch.ones(100)))
    entry = next(e for e in zipfile.ZipFile(BytesIO(bytes(content))).infolist() if e.filename.endswith("data/0"))
    place = content.rindex(entry.filename.encode()) - 46  # in the directory, which names it last
    content[place + 20 : place + 28] = struct.pack("<II", 2**31, 2**31)
    with pytest.raises(Unfit, match="claims more than it holds|cannot be read"):
        load_tensors(BytesIO(bytes(content)))


def test_all_readers_see_the_same_directory() -> None:
    content = saved(torch.ones(1))
    with pytest.raises(Unfit, match="no directory where it should be"):
        load_tensors(BytesIO(b"#!/bin/sh\n" + content))
    moved = bytearray(packed(content))
    moved[-6:-2] = struct.pack("<I", 0)
    with pytest.raises(Unfit, match="no directory where it should be"):
        load_tensors(BytesIO(bytes(moved)))


def test_ordered_dictionaries_are_loaded() -> None:
    loaded: OrderedDict[str, Tensor] = load_tensors(BytesIO(saved(OrderedDict(a=torch.arange(3)))))
    assert loaded["a"].tolist() == [0, 1, 2]
