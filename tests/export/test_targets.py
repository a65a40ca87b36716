"""Every row of TARGETS on random networks: what it says it can hold it writes, reads back, and runs to the same bits."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_networks import (
    random_join_network,
    random_network,
    random_nir_network,
    random_samples,
    residual_network,
    seeds,
)

import snnc.export
from snnc.export import TARGETS, export, read_network, target_of
from snnc.export.target import NoOptions, checked_options, option
from snnc.toolchain.errors import CannotExport, ConfigError, FileFormatError, one_line, row
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.frames import as_frames
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.engines import ENGINES

KINDS: dict[str, Callable[[int], Network]] = {
    "chain": lambda seed: random_network(seed, chip_only=True),
    "any": random_network,
    "nir": random_nir_network,
    "join": random_join_network,
    "residual": residual_network,
}
VARIANTS = [(name, options) for name, target in TARGETS.items() for options in target.listed().values()]
Samples = np.ndarray


def run_nir(network: Network, samples: Samples, file: Path) -> Trace | None:
    from snnc.export.nir import runner

    return None if runner.why_not(network, file) else runner.run_nir(network, as_frames(network, samples), file=file)


def run_onnx(network: Network, samples: Samples, file: Path) -> Trace:
    from snnc.export.onnx import runner

    return runner.run_onnx(network, samples, file=file)


def run_c(network: Network, samples: Samples, file: Path) -> Trace | None:
    from snnc.export.c import compiler, runner

    return runner.run_c(network, as_frames(network, samples), file=file) if compiler.compiler() else None


ON_FILES = {"nir": run_nir, "onnx": run_onnx, "c": run_c}  # netx needs Lava: export/lava tests it


def drawn(kind: str, seed: int) -> Network:
    network = KINDS[kind](seed)
    assume(not any(overflows(network)))
    return network


def test_rows_are_whole() -> None:
    assert TARGETS
    for target in TARGETS.values():
        assert target.suffix.startswith(".")
        assert set(target.engines) <= set(ENGINES)
        assert target.engines
        assert all(isinstance(options, target.options) for options in target.listed().values())
        assert all(each.metadata["help"] for each in fields(target.options))
    assert len({target.suffix for target in TARGETS.values()}) == len(TARGETS)


@settings(max_examples=120, deadline=None)
@given(seed=seeds, kind=st.sampled_from(list(KINDS)), variant=st.sampled_from(VARIANTS))
def test_a_network_is_written_if_and_only_if_nothing_is_violated(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kind: str, variant: tuple[str, object]
) -> None:
    (name, options), network = variant, drawn(kind, seed)
    target = TARGETS[name]
    folder = tmp_path_factory.mktemp(name)
    file = folder / f"a{target.suffix}"
    found = target.violations(network, options)
    if found:
        with pytest.raises(CannotExport) as caught:
            target.write(network, file, options)
        assert str(found[0]) in str(caught.value)
        assert not list(folder.iterdir())
    else:
        target.write(network, file, options)
        assert target.read(file) == target.prepare(network)  # a format may fold shortcuts in
        assert "\n" not in target.describe(network, file)


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if set(target.engines) & set(ON_FILES)])
@settings(max_examples=20, deadline=None)
@given(seed=seeds, kind=st.sampled_from(["join", "residual", "nir"]))
def test_engines_of_a_format_run_its_files_to_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int, kind: str
) -> None:
    network, target = drawn(kind, seed), TARGETS[name]
    assume(not target.violations(network))
    file = tmp_path_factory.mktemp(name) / f"a{target.suffix}"
    target.write(network, file)
    samples = random_samples(network, 4, timed=network.input.binary, seed=seed)
    reference = simulate(network, samples)
    for engine in set(target.engines) & set(ON_FILES):
        trace = ON_FILES[engine](network, samples, file)
        if trace is None:
            continue
        for layer in network.layers:
            assert np.array_equal(trace.spikes[layer.name], reference.spikes[layer.name]), layer.name
            assert np.array_equal(trace.membranes[layer.name], reference.membranes[layer.name]), layer.name


def test_joins_are_drawn_that_every_format_of_graphs_can_hold() -> None:
    networks = [random_join_network(seed) for seed in range(60)]
    assert all(2 <= len(layer.synapses) <= 4 for network in networks for layer in network.layers)
    provable = [network for network in networks if not any(overflows(network))]
    exact = [network for network in provable if not TARGETS["nir"].violations(network) and network.truncation_free]
    assert len(provable) > 50
    assert len(exact) > 12
    assert {network.readout for network in exact} == {"membrane", "spikes", "first-spike"}
    assert any(simulate(n, random_samples(n, 9)).spikes[n.layers[0].name].any() for n in exact)
    joining = [n for n in networks if any(len({s.source for s in layer.synapses}) > 1 for layer in n.layers)]
    assert len(joining) > 20
    assert all(TARGETS["loihi2"].violations(network) for network in joining)
    assert all(not TARGETS["onnx"].violations(network) for network in provable)


def test_export_is_also_the_module(tmp_path: Path) -> None:
    network = random_network(1, chip_only=True)
    file = snnc.export(network, "loihi2", tmp_path / "a.net")
    assert read_network(file) == network
    assert getattr(snnc.export, "export") is export  # noqa: B009 - the type checker sees the function


def test_faults_of_export_say_what_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(1, chip_only=True)
    for arguments, options, message in (
        (("loihi3", "a.net"), {}, "target 'loihi3' is unknown; allowed are loihi2, nir, onnx, c"),
        (("loihi2", "a.pt"), {}, "output '.*a.pt' must end in .net for target 'loihi2'"),
        (("loihi2", "a.net"), {"dialect": "norse"}, "target 'loihi2' has no --dialect; it belongs to nir"),
        (("nir", "a.nir"), {"speed": 9}, "target 'nir' has no --speed; it belongs to no target"),
        (("nir", "a.nir"), {"dialect": "brian"}, "dialect 'brian' is unknown; allowed are spec, norse"),
        (("onnx", "a.onnx"), {"timed": "yes"}, "option 'timed' is 'yes'; it must be of type bool"),
    ):
        with pytest.raises(ConfigError, match=message):
            export(network, arguments[0], tmp_path / arguments[1], **options)
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileFormatError, match=r"a.txt: unknown suffix '.txt'; allowed are .pt, .net"):
        read_network("a.txt")
    with pytest.raises(FileFormatError, match=r"a.pt: unknown suffix '.pt'; allowed are .net"):
        target_of("a.pt")
    forgetful = replace(TARGETS["loihi2"], read=lambda path: replace(network, name="other"))
    monkeypatch.setitem(TARGETS, "loihi2", forgetful)
    with pytest.raises(FileFormatError, match="reading it back gave another network"):
        export(network, "loihi2", tmp_path / "a.net")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = random_nir_network(1)
    files = [(name, tmp_path / f"a{row.suffix}") for name, row in TARGETS.items() if row.extra]
    for name, file in files:
        export(network, name, file)
    for module in [name for name in sys.modules if name.startswith(("snnc.export.onnx", "snnc.export.nir", "onnx", "nir"))]:
        monkeypatch.delitem(sys.modules, module)
    for name, file in files:
        extra = TARGETS[name].extra
        monkeypatch.setitem(sys.modules, extra, None)
        message = f"{extra} is not installed; get it with: pip install 'snnc\\[{extra}\\]'"
        assert TARGETS[name].violations(network) == []  # needs no library
        for use in (lambda n=name, f=file: export(network, n, f), lambda f=file: read_network(f)):
            with pytest.raises(ConfigError, match=message):
                use()


def test_importing_the_targets_loads_no_library() -> None:
    code = "import snnc.export, sys; print({'torch', 'nir', 'onnx', 'h5py'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


@dataclass(frozen=True)
class Sample:
    """Options of a made-up format."""

    indent: int = option(2, "Spaces.")
    order: str = option("rising", "Order.", choices=("rising", "falling"))


def test_options_are_checked() -> None:
    assert checked_options(Sample, {"indent": 3}) == Sample(3)
    assert checked_options(NoOptions, {}) == NoOptions()
    with pytest.raises(ConfigError, match="order 'odd' is unknown; allowed are rising, falling"):
        checked_options(Sample, {"order": "odd"})
    with pytest.raises(ConfigError, match="option 'indent' is '3'; it must be of type int"):
        checked_options(Sample, {"indent": "3"})


def test_rows_and_lines() -> None:
    assert row({"a": 1}, "a", "letter") == 1
    with pytest.raises(ConfigError, match=r"^letter 'c' is unknown; allowed are a, b$"):
        row({"a": 1, "b": 2}, "c", "letter")
    with pytest.raises(FileFormatError, match="letter 'c' is unknown"):
        row({"a": 1}, "c", "letter", FileFormatError)
    assert one_line(ValueError("two\n  lines")) == "two lines"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("x" * 200), 9) == "x" * 9
