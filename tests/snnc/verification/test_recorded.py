"""A recording is compared bit by bit: what was recorded is equal, and every fault in it is named where it is."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from recordings import example

from snnc.cli.main import main
from snnc.export import export
from snnc.verification.recorded import RecordedVerdict, verify_recording
from snnc.verification.recording import read_recording


def verdict_of(
    folder: Path, change: Callable[[dict[str, Any]], object] = lambda arrays: None, **options: Any
) -> RecordedVerdict:
    network, arrays = example()
    change(arrays)
    np.savez(folder / "recorded.npz", **arrays)
    return verify_recording(network, read_recording(folder / "recorded.npz", network), **options)


def test_what_was_recorded_is_equal(tmp_path: Path) -> None:
    verdict = verdict_of(tmp_path)
    assert verdict.equal
    assert str(verdict).startswith("EQUAL: reference = recorded in ")
    assert "of 6 of 6 layers" in str(verdict)
    assert all(set(layer.compared) == {"spikes", "u", "v"} and layer.spikes for layer in verdict.layers[:5])


@pytest.mark.parametrize("kind", ["spikes", "u", "v"])
def test_one_wrong_value_is_named(tmp_path: Path, kind: str) -> None:
    def change(arrays: dict[str, Any]) -> None:
        values = arrays[f"{kind}/block1b"]
        values[arrays["offset/block1b"] + 5 + 2, 1, 2, 3] ^= 1  # sample 1, step 2

    found = verdict_of(tmp_path, change).first_difference
    assert found and (found.layer, found.step, found.sample, found.neuron) == ("block1b", 2, 1, (1, 2, 3))
    assert found.what == {"spikes": "spike", "u": "current u", "v": "membrane"}[kind]
    assert abs(found.got - found.reference) == 1


def test_a_shifted_layer_differs(tmp_path: Path) -> None:
    def change(arrays: dict[str, Any]) -> None:
        arrays["spikes/block2a"] = np.roll(arrays["spikes/block2a"], 1, axis=0)

    found = verdict_of(tmp_path, change).first_difference
    assert found and found.layer == "block2a" and found.sample == 0


def test_a_cut_step_differs_from_there(tmp_path: Path) -> None:
    def change(arrays: dict[str, Any]) -> None:
        for name in [name for name in arrays if "/" in name and not name.startswith("offset")]:
            arrays[name] = np.delete(arrays[name], 9, axis=0)

    found = verdict_of(tmp_path, change).first_difference
    assert found and found.layer == "stem" and found.sample == 1  # step 9 - 1 is step 3 of sample 1
    assert found.step >= 3


@pytest.mark.parametrize("hint", [{}, {"start": 1}, {"reset": 5}])
def test_the_alignment_is_found(tmp_path: Path, hint: dict[str, int]) -> None:
    def change(arrays: dict[str, Any]) -> None:
        for name in [name for name in arrays if name.startswith("offset")]:
            del arrays[name]

    verdict = verdict_of(tmp_path, change, **hint)
    assert verdict.equal
    assert list(verdict.alignment.offsets.values())[:4] == [1, 2, 3, 4]
    assert "reset every 5 steps" in str(verdict.alignment)


def test_layers_that_were_not_recorded_are_said(tmp_path: Path) -> None:
    def change(arrays: dict[str, Any]) -> None:
        for kind in ("spikes", "u", "v"):
            del arrays[f"{kind}/block1a"]

    verdict = verdict_of(tmp_path, change)
    assert verdict.equal
    assert verdict.left_out == {"block1a": "not recorded"}
    assert "of 5 of 6 layers" in str(verdict)


def test_silence_says_nothing(tmp_path: Path) -> None:
    network, arrays = example()
    arrays["input"] = np.zeros_like(arrays["input"])
    silent = {name: np.zeros_like(values) for name, values in arrays.items() if name.startswith("spikes/out")}
    np.savez(tmp_path / "recorded.npz", **silent, timesteps=5, input=arrays["input"][:1])
    verdict = verify_recording(network, read_recording(tmp_path / "recorded.npz", network))
    assert not verdict.equal


def test_the_command_says_what_was_compared(tmp_path: Path) -> None:
    network, arrays = example()
    export(network, "onnx", tmp_path / "a.onnx")
    np.savez(tmp_path / "good.npz", **arrays)
    arrays["spikes/stem"][2, 0, 0, 0] ^= 1
    np.savez(tmp_path / "bad.npz", **arrays)
    different = "DIFFERENT: layer 'stem', step 1, sample 0"
    for name, status, said in (("good", 0, "EQUAL: reference = recorded in"), ("bad", 1, different)):
        recording = str(tmp_path / f"{name}.npz")
        result = CliRunner().invoke(main, ["simulate", str(tmp_path / "a.onnx"), "--recorded", recording])
        assert result.exit_code == status, result.output
        assert said in result.output
    result = CliRunner().invoke(main, ["simulate", str(tmp_path / "a.onnx"), "--recorded", "x.npz", "-e", "fast"])
    assert result.exit_code == 2 and "leave --engine and --report out" in result.output
    result = CliRunner().invoke(main, ["simulate", str(tmp_path / "a.onnx"), "--reset", "3"])
    assert result.exit_code == 2 and "name it with --recorded" in result.output


def test_pilotnet_is_equal_to_what_intel_recorded() -> None:
    home = find_spec("lava.lib.dl") if find_spec("lava") else None
    site = Path(next(iter(home.submodule_search_locations or []))).parents[2] if home else Path()
    folder = site / "tests/lava/lib/dl/netx/gts/pilotnet_lif"
    if not folder.is_dir():
        pytest.skip("lava-dl is not installed, or without its recordings")
    result = CliRunner().invoke(main, ["simulate", str(folder / "network.net"), "--recorded", str(folder)])
    assert result.exit_code == 0, result.output
    assert "recording: reset every 17 steps; steps that layers are late: l0 0, l1 1, l2 2" in result.output
    assert "not compared: l10: fc-3 has 25 steps, the others have 24: it is of another run" in " ".join(result.output.split())
    assert "EQUAL: reference = recorded in 3,614,690 values of spikes" in result.output
