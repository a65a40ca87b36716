"""The text of the source: sizes that the compiler agrees with, names that C allows, slots for delays."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from random_networks import random_network, residual_network
from random_recurrence import random_recurrent_network

from snnc.export.c.compiler import compiler
from snnc.export.c.file import content
from snnc.export.c.source import constant_bytes, input_type, quoted, slots, state_bytes
from snnc.export.c.violations import COptions
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense

PROGRAM = """#define n_IMPLEMENTATION
#include "n.h"
#include <stdio.h>
int main(void) {{ printf("%d {}", (int)sizeof(n_state){}); return 0; }}
"""
RANGES = [(-5, 11, 5, "uint8_t"), (-5, 11, 0, "int8_t"), (0, 300, 0, "int16_t")]


def printed(network: Network, folder: Path, form: str, values: str) -> str:
    (folder / "n.h").write_bytes(content(network, COptions("n")))
    (folder / "n.c").write_text(PROGRAM.format(form, values))
    command = compiler()
    assert command
    subprocess.run([*command, "-std=c99", "n.c", "-o", "n"], cwd=folder, check=True)
    return subprocess.run([folder / "n"], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(compiler() is None, reason="there is no C compiler")
def test_ram_is_what_the_compiler_says_but_for_alignment(tmp_path: Path) -> None:
    for network in (residual_network(1), random_recurrent_network(3), random_network(8)):
        said = int(printed(network, tmp_path, "", "").split()[0])
        pointer = 8 if slots(network, "input") == 1 else 0  # of the caller's frame, which RAM of the network is not
        assert 0 <= said - pointer - state_bytes(network) < 16


@pytest.mark.skipif(compiler() is None, reason="there is no C compiler")
def test_labels_are_strings(tmp_path: Path) -> None:
    layer = Layer("a", (Dense("input", [[1], [0]]),), Lif((2,), 1, 2048))
    network = Network("n", 2, Input((1,), 0, 1), (layer,), "spikes", ('Ä "??/1', "b"))
    assert printed(network, tmp_path, "%s%s%s", ", n_label(0), n_label(1), n_label(2)").split(" ", 1)[1] == 'Ä "??/1b'


def test_ternary_weights_take_two_bits() -> None:
    rng = np.random.default_rng(0)
    layers = (
        Layer("a", (Dense("input", rng.integers(-9, 9, (64, 10))),), Lif((64,), 5, 2048)),
        Layer("b", (Dense("a", rng.integers(-1, 2, (10, 64))),), Lif((10,), 5, 2048)),
    )
    network = Network("n", 2, Input((10,), 0, 9), layers, "spikes")
    numbers = 64 * 10 + 10 * 64 // 4
    assert constant_bytes(network) == numbers + 2 * (64 + 10) + 2 * 2 * 2


@pytest.mark.parametrize(
    ("low", "high", "zero", "kind"), [(-5, 11, 5, "uint8_t"), (-5, 11, 0, "int8_t"), (0, 300, 0, "int16_t")]
)
def test_inputs_have_the_smallest_type(low: int, high: int, zero: int, kind: str) -> None:
    layer = Layer("a", (Dense("input", [[1]]),), Lif((1,), 1, 2048))
    assert input_type(Network("n", 2, Input((1,), low, high, zero), (layer,), "spikes")) == kind


def test_comments_stay_comments() -> None:
    assert not re.search(r"\*/|/\*|\?\?|\n|[^ -~]", quoted("*/ /* ??/ \n ä"))


def test_slots_end_with_the_time_steps() -> None:
    layer = Layer("a", (Dense("input", [[1]], delay=2), Dense("input", [[1]], delay=50)), Lif((1,), 1, 2048))
    assert slots(Network("n", 9, Input((1,), 0, 1), (layer,), "spikes"), "input") == 9
