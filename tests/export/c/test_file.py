"""C headers: the network comes back number for number, and no damaged header is believed."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_join_network, random_network, random_residual_network, residual_network, seeds
from random_recurrence import random_recurrent_network

from snnc.export.c.file import content, describe, read_c, remark
from snnc.export.c.violations import COptions
from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense

KINDS = (random_network, random_join_network, random_residual_network, residual_network, random_recurrent_network)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, kind=st.sampled_from(KINDS), prefix=st.sampled_from(["", "mine"]))
def test_random_networks_come_back_equal(tmp_path_factory: pytest.TempPathFactory, seed: int, kind: type, prefix: str) -> None:
    path, network = tmp_path_factory.mktemp("c") / "a.h", kind(seed)
    path.write_bytes(content(network, COptions(prefix)))
    assert read_c(path) == network


@pytest.mark.parametrize("name", ["a */ b", "??/", "/* open", 'quote " \\ \n', "Ziffern äöü", "@NAME@ PREFIX_ 1", "", "'"])
def test_any_name_is_text_and_comes_back(tmp_path: Path, name: str) -> None:
    layer = Layer(name.replace("/", "").replace("\n", "") or "a", (Dense("input", [[1], [0]]),), Lif((2,), 1, 2048))
    network = Network(name, 2, Input((1,), 0, 1), (layer,), "spikes", (name, "other"), name)
    (tmp_path / "a.h").write_bytes(content(network))
    assert read_c(tmp_path / "a.h") == network


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"snnc: {", b"nothing: {", "no description of snnc in it"),
        (b"\x22input\x22", b"\x22output\x22", "written by another version"),
        (b"_bias_0[", b"_bios_0[", "array 'bias_0' is missing"),
        (b"_TIMESTEPS 5", b"_TIMESTEPS 6", "it differs from what snnc writes"),
        (b"{\x22network\x22", b"{\x22nets\x22", "not a readable C header"),
    ],
)
def test_damaged_files_are_one_line(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    path = tmp_path / "a.h"
    whole = content(residual_network(4))
    assert old in whole
    path.write_bytes(whole.replace(old, new))
    with pytest.raises(FileFormatError, match=rf"a\.h: .*{message}"):
        read_c(path)
    for cut in (0, 100, len(whole) // 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(FileFormatError, match=r"a\.h: "):
            read_c(path)


def test_another_number_in_an_array_is_noticed(tmp_path: Path) -> None:
    """It makes another network that is sound, too; only the digest tells."""
    path, whole = tmp_path / "a.h", content(residual_network(4))
    start = whole.index(b"{", re.search(rb"_bias_0\[\d+\] = ", whole).end())  # type: ignore[union-attr]
    digit = re.compile(rb"\d(?=,|\n)").search(whole, start)
    assert digit
    other = b"1" if digit[0] != b"1" else b"2"
    path.write_bytes(whole[: digit.start()] + other + whole[digit.end() :])
    with pytest.raises(FileFormatError, match=r"a\.h: .*it differs from what snnc writes"):
        read_c(path)


def test_sizes_are_said(tmp_path: Path) -> None:
    network = residual_network(4)
    text = describe(network, tmp_path)
    assert "bytes of RAM" in text and text == remark(network, COptions())
