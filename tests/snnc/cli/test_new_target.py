"""A row of TARGETS is all that a new format needs: every command knows it."""

import importlib
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nir
import numpy as np
import pytest
from click.testing import CliRunner, Result
from random_networks import random_nir_network

from snnc.export import TARGETS, read_network
from snnc.export.nir.file import content
from snnc.export.target import Companion, Target, option
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import from_plain, to_plain
from snnc.toolchain.network.violation import Violation

COMMANDS = ("export", "import_graph", "inspect", "summary", "main")  # modules that make options from the rows


@dataclass(frozen=True)
class ToyOptions:
    """How a toy is written."""

    spacing: str = option("wide", "Between its lines.", choices=("wide", "narrow"))
    notes: bool = option(False, "Notes beside it.")


def check(network: Network, options: ToyOptions) -> Iterator[Violation]:
    if options.spacing == "narrow" and network.timesteps > 2:
        yield Violation("network", f"{network.timesteps} time steps do not fit narrow lines", "take --spacing wide")


def written(network: Network, options: ToyOptions) -> bytes:
    values, arrays = to_plain(network)
    packed = {name: [array.dtype.str, array.shape, b64encode(array.tobytes()).decode()] for name, array in arrays.items()}
    return json.dumps([values, packed], indent=2 if options.spacing == "wide" else None).encode()


def read(path: str | Path) -> Network:
    values, packed = json.loads(Path(path).read_text())
    arrays = {name: np.frombuffer(b64decode(text), kind).reshape(shape) for name, (kind, shape, text) in packed.items()}
    return from_plain(Network, values, arrays)


def companions(options: ToyOptions) -> tuple[Companion, ...]:
    notes = Companion(
        "{stem}.notes", lambda network, file, samples: f"{file.name}: {samples.shape}".encode(), takes_samples=True
    )
    return (notes,) if options.notes else ()


TOY = Target(
    suffix=".toy",
    check=check,
    content=written,
    read=read,
    describe=lambda network, path: f"a toy of {path.stat().st_size} bytes",
    options=ToyOptions,
    remark=lambda network, options: "toys are no chips" if options.spacing == "narrow" else None,
    engines=("reference",),
    companions=companions,
    variants={"wide": ToyOptions(), "narrow": ToyOptions("narrow")},
)


@pytest.fixture
def snnc(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line as it is when the row stands in TARGETS."""
    monkeypatch.setitem(TARGETS, "toy", TOY)
    for name in COMMANDS:
        monkeypatch.delitem(sys.modules, f"snnc.cli.{name}", raising=False)
    main = importlib.import_module("snnc.cli.main").main
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


def words(result: Result) -> str:
    return " ".join(result.output.split())


def test_every_command_knows_a_new_row(snnc: Callable[..., Result], tmp_path: Path, tiny_path: Path) -> None:
    toy = tmp_path / "model.toy"
    exported = snnc("export", "-t", "toy", tiny_path, "-o", toy, "--spacing", "wide")
    assert exported.output == f"{toy}: toy, read back and equal\n"
    assert "[loihi2|nir|onnx|c|toy]" in snnc("export", "-h").output
    assert "For toy: Between its lines. [default: wide]" in words(snnc("export", "-h"))

    shown = words(snnc("inspect", toy))
    assert f"a toy of {toy.stat().st_size} bytes" in shown
    assert "3 time steps do not fit narrow lines; take --spacing wide" in shown
    found = json.loads(snnc("inspect", tiny_path, "--json").output)
    assert found["formats"]["toy wide"] == []
    assert len(found["formats"]["toy narrow"]) == 1
    assert found["notices"]["toy narrow"] == "toys are no chips"

    for files in ((toy,), (tiny_path, toy)):
        checked = snnc("simulate", *files, "--engine", "fast", "-n", "20")
        assert checked.exit_code == 0, checked.output
        assert "EQUAL: reference = fast" in checked.output


def test_a_new_row_may_write_companions(snnc: Callable[..., Result], tmp_path: Path, tiny_path: Path) -> None:
    written = snnc("export", "-t", "toy", "--notes", "-n", "3", tiny_path, "-o", tmp_path / "a.toy")
    assert written.output.splitlines() == [
        f"{tmp_path / 'a.toy'}: toy, read back and equal",
        f"{tmp_path / 'a.notes'}: beside it",
    ]
    assert (tmp_path / "a.notes").read_text() == "a.toy: (3, 1, 8, 8)"
    (tmp_path / "b.notes").write_bytes(tiny_path.read_bytes())
    (tmp_path / "b.pt").hardlink_to(tmp_path / "b.notes")
    refused = snnc("export", "-t", "toy", "--notes", tmp_path / "b.pt", "-o", tmp_path / "b.toy")
    assert refused.exit_code == 2 and "which the same command reads; name another file" in refused.output
    assert (tmp_path / "b.pt").read_bytes() == tiny_path.read_bytes()


def test_errors_know_a_new_row(snnc: Callable[..., Result], tmp_path: Path, tiny_path: Path) -> None:
    refused = snnc("export", "-t", "toy", tiny_path, "-o", tmp_path / "a.toy", "--spacing", "narrow")
    assert refused.exit_code == 2
    assert "cannot be written as .toy: network: 3 time steps do not fit narrow lines" in refused.output
    strange = snnc("export", "-t", "loihi2", tiny_path, "-o", tmp_path / "a.net", "--spacing", "narrow")
    assert "target 'loihi2' has no --spacing; it belongs to toy" in strange.output
    assert "allowed are .pt, .net, .nir, .onnx, .h, .toy" in snnc("inspect", tmp_path / "a.txt").output


def test_graphs_are_imported_into_a_new_row(snnc: Callable[..., Result], tmp_path: Path) -> None:
    network = random_nir_network(4)
    (tmp_path / "graph.nir").write_bytes(content(network))
    assert isinstance(nir.read(tmp_path / "graph.nir"), nir.NIRGraph)
    low, high = network.input.minimum, network.input.maximum
    options = ("-T", network.timesteps, "--input-range", low, high, "-o", tmp_path / "x.toy")
    result = snnc("import", tmp_path / "graph.nir", *options)
    assert result.exit_code == 0, result.output
    assert "x.toy: written, read back and equal" in result.output
    assert read_network(tmp_path / "x.toy").input == network.input
