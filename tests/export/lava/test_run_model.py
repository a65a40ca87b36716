"""The script beside a `.net`: it runs without snnc, records what the reference says, and finds what differs."""

import ast
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from loihi_stand_in import stand_in
from random_networks import random_samples

import snnc
from snnc.export.lava import run_model
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.predictions import decisions
from snnc.toolchain.network.synapse import Conv, Dense


def small_network(readout: str) -> Network:
    """A graded convolution with a bias, a ternary one, and a dense read-out."""
    rng = np.random.default_rng(3)
    layers = (
        Layer("first", (Conv(INPUT, rng.integers(-9, 10, (3, 2, 3, 3)), padding=(1, 1)),), Lif((3, 4, 5), 60, 2048, 7)),
        Layer("second", (Conv("first", rng.integers(-1, 2, (4, 3, 2, 2)), (2, 1)),), Lif((4, 2, 4), 2, 2048)),
        Layer("out", (Dense("second", rng.integers(-1, 2, (5, 32))),), Lif((5,), 131071 if readout == "membrane" else 1, 2048)),
    )
    return Network("small", 4, Input((2, 4, 5), -5, 5), layers, readout, tuple("abcde"))  # type: ignore[arg-type]


def exported(folder: Path, readout: str = "membrane", *, timed: bool = False) -> tuple[Network, np.ndarray]:
    network = small_network(readout)
    samples = random_samples(network, 3, timed=timed)
    snnc.export(network, "loihi2", folder / "net-1.net", samples, script=True)
    return network, samples


def run(folder: Path, *arguments: str, python: tuple[str, ...] = (), **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the script in a folder, as somebody does who has no snnc."""
    command = [sys.executable, *python, "run_net-1.py", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("run_net-1.py: ") and done.stderr.count("\n") == 1
    return done.stderr


def edited(path: Path, **changes: object) -> None:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **arrays | changes)


def test_the_script_is_short_and_needs_no_snnc(tmp_path: Path) -> None:
    exported(tmp_path)
    text = (tmp_path / "run_net-1.py").read_text()
    found = {
        str(name).split(".")[0]
        for node in ast.walk(ast.parse(text, feature_version=(3, 10)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert found - sys.stdlib_module_names == {"h5py", "lava", "numpy"}
    assert "NETWORK = 'net-1.net'\nEXPECTED = 'net-1.expected.npz'\n" in text
    assert "python run_net-1.py --check" in text and "model" not in run_model.__doc__.replace("run_model.py", "")
    assert {path.name for path in tmp_path.iterdir()} == {"net-1.net", "run_net-1.py", "net-1.expected.npz"}


@pytest.mark.lava
@pytest.mark.parametrize(("readout", "delay"), [("membrane", 0), ("spikes", 2), ("first-spike", 2)])
def test_it_records_what_the_reference_says(tmp_path: Path, readout: str, delay: int) -> None:
    network, samples = exported(tmp_path, readout, timed=delay > 0)
    done = run(tmp_path, "--check", "--membranes", "--delay", str(delay))
    assert done.returncode == 0, done.stdout + done.stderr
    trace = snnc.simulate(network, samples)
    classes = trace.outputs(network).argmax(axis=1)
    total = ", ".join(f"{name} {spikes.sum()}" for name, spikes in trace.spikes.items())
    assert done.stdout.splitlines() == [
        "classes: " + " ".join("abcde"[number] for number in classes),
        f"spikes: {total}",
        "saved: recorded.npz",
        "EQUAL: all that was recorded, in 3 samples",
    ]
    assert 0 < trace.spikes["second"].mean() < 1
    with np.load(tmp_path / "recorded.npz") as file:
        recorded = {name: file[name] for name in file.files}
    scalars = {name: int(recorded[name]) for name in ("timesteps", "reset_interval", "samples")}
    assert scalars == {"timesteps": 4, "reset_interval": 4, "samples": 3}
    np.testing.assert_array_equal(recorded["classes"], classes)
    for number, layer in enumerate(network.layers, 1):
        offset = int(recorded[f"offset/{layer.name}"])
        assert offset == number + delay
        for what, values in (("spikes", trace.spikes), ("v", trace.membranes)):
            array = recorded[f"{what}/{layer.name}"]
            assert array.shape == (delay + 12 + 3, *layer.output_shape)
            assert array.dtype == (np.uint8 if what == "spikes" else np.int32)
            for sample in range(3):
                begin = sample * 4 + offset
                np.testing.assert_array_equal(array[begin : begin + 4], values[layer.name][:, sample])


@pytest.mark.lava
def test_a_flipped_spike_and_a_changed_membrane_are_named(tmp_path: Path) -> None:
    exported(tmp_path)
    expected = tmp_path / "net-1.expected.npz"
    with np.load(expected) as file:
        spikes, membranes = file["spikes/second"].copy(), file["v/out"].copy()
    was, v = int(spikes[4 + 2, 3, 1, 0]), int(membranes[5, 2])
    spikes[4 + 2, 3, 1, 0] = 1 - was
    spikes[8 + 3, 0, 0, 0] ^= 1  # a later step
    membranes[5, 2] += 1
    edited(expected, **{"spikes/second": spikes, "v/out": membranes})
    done = run(tmp_path, "--check")
    assert done.returncode == 1, done.stderr
    said = f"DIFFERENT: layer 'second', step 2, sample 1, neuron (3, 1, 0): spike is {1 - was} expected and {was} recorded"
    assert done.stdout.splitlines()[-1] == said
    spikes[4 + 2, 3, 1, 0], spikes[8 + 3, 0, 0, 0] = was, spikes[8 + 3, 0, 0, 0] ^ 1
    edited(expected, **{"spikes/second": spikes})
    last = run_model.check(_loaded(tmp_path / "recorded.npz"), _loaded(expected), _facts(tmp_path))
    assert last == f"layer 'out', step 1, sample 1, neuron (2,): v is {v + 1} expected and {v} recorded"


@pytest.mark.parametrize("readout", ["membrane", "spikes", "first-spike"])
def test_classes_of_a_recording_are_decided_as_the_network_does(tmp_path: Path, readout: str) -> None:
    network, _ = exported(tmp_path, readout)
    samples = random_samples(network, 60, seed=1)
    trace, last = snnc.simulate(network, samples), network.layers[-1].name
    whole = {
        f"{what}/{last}": values[last].swapaxes(0, 1).reshape(-1, 5)
        for what, values in (("spikes", trace.spikes), ("v", trace.membranes))
    }
    classes = run_model.classes_of(whole | {"timesteps": network.timesteps, "samples": 60}, _facts(tmp_path))
    assert classes.tolist() == decisions(network, trace.outputs(network)).tolist()
    assert len(set(classes.tolist())) > 1


def _loaded(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _facts(folder: Path) -> object:
    return run_model.load_network(folder / "net-1.net")


@pytest.mark.skipif("PUBLISHED_LAVA" not in os.environ, reason="names a Python 3.10 with Lava as it was published")
@pytest.mark.parametrize("readout", ["membrane", "spikes"])
def test_lava_as_it_was_published_gives_the_same(tmp_path: Path, readout: str) -> None:
    exported(tmp_path, readout)
    command = [os.environ["PUBLISHED_LAVA"], "run_net-1.py", "--check", "--membranes"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "EQUAL: all that was recorded, in 3 samples"


@pytest.mark.lava
def test_own_samples_are_run_and_need_no_expected_spikes(tmp_path: Path) -> None:
    network, samples = exported(tmp_path, "spikes")
    (tmp_path / "net-1.expected.npz").unlink()
    np.savez(tmp_path / "mine.npz", input=samples)
    done = run(tmp_path, "--samples", "mine.npz", "--count", "2", "--output", "seen.npz")
    assert done.returncode == 0, done.stderr
    trace = snnc.simulate(network, samples[:2])
    assert done.stdout.splitlines()[0].split()[1:] == ["abcde"[n] for n in trace.outputs(network).argmax(axis=1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.npz", "net-1.net", "run_net-1.py", "seen.npz"]


def test_samples_and_files_that_do_not_fit_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(*arguments: str) -> str:
        """Run the script in this process, which is quicker; it ends before it touches Lava."""
        monkeypatch.setattr(sys, "argv", ["run_net-1.py", *arguments])
        with pytest.raises(SystemExit, match="^2$"):
            runpy.run_path(str(tmp_path / "run_net-1.py"), run_name="__main__")
        said = capsys.readouterr().err
        assert said.startswith("run_net-1.py: ") and said.count("\n") == 1
        return said

    monkeypatch.chdir(tmp_path)
    _, samples = exported(tmp_path)
    for array, said in [
        (samples[:, :1], "input is (3, 1, 4, 5) of int64; allowed are integers (B, 2, 4, 5) and (4, B, 2, 4, 5)"),
        (samples / 2, "of float64; allowed are integers"),
        (samples[:0], "input is (0, 2, 4, 5)"),
        (np.int64(3), "input is () of int64"),
        (samples + 200, "allowed is -5..5: raw values - 0"),
    ]:
        np.savez(tmp_path / "mine.npz", input=np.asarray(array))
        assert said in refusal("--samples", "mine.npz")
    assert "count 1 to 3" in refusal("--count", "4")
    assert "leave out --samples" in refusal("--check", "--samples", "mine.npz")
    assert "name a new .npz" in refusal("--output", "net-1.net")
    assert "name a new .npz" in refusal("--output", "nowhere/a.npz")
    np.savez(tmp_path / "mine.npz", frames=samples)
    assert "has no array 'input', but frames" in refusal("--samples", "mine.npz")
    edited(tmp_path / "net-1.expected.npz", digest="other")
    assert "net-1.expected.npz is of another network than net-1.net" in refusal("--check")
    (tmp_path / "net-1.expected.npz").write_bytes(b"PK")
    assert "no .npz that can be read" in refusal("--check")
    (tmp_path / "net-1.net").write_bytes(b"")
    assert "no network of snnc" in refusal()


def test_a_wrong_environment_is_one_line(tmp_path: Path) -> None:
    exported(tmp_path)
    assert "h5py is not installed; on Python 3.10: pip install lava-nc==0.10.0" in refused(run(tmp_path, python=("-I", "-S")))
    (tmp_path / "stand-in" / "lava").mkdir(parents=True)
    (tmp_path / "stand-in" / "lava" / "__init__.py").touch()
    assert "lava.lib is not installed" in refused(run(tmp_path, PYTHONPATH=str(tmp_path / "stand-in")))
    newer = "import numpy; numpy.__version__ = '2.4.0'"
    (tmp_path / "stand-in" / "sitecustomize.py").write_text(newer)
    assert "numpy below 2.4; these are 3." in refused(run(tmp_path, PYTHONPATH=str(tmp_path / "stand-in")))


@pytest.mark.lava
def test_a_chip_needs_the_library_of_intel_and_a_host(tmp_path: Path) -> None:
    exported(tmp_path)
    assert "--backend loihi2 needs lava-loihi" in refused(run(tmp_path, "--check", "--backend", "loihi2"))
    stand_in(tmp_path, steps=0)
    assert "no host with a chip" in refused(run(tmp_path, "--backend", "loihi2", PYTHONPATH=str(tmp_path)))


@pytest.mark.lava
def test_the_way_to_a_chip_is_right_as_far_as_stand_ins_can_tell(tmp_path: Path) -> None:
    """With the run configuration of the chip, which takes CPU models where it finds no others."""
    exported(tmp_path)
    stand_in(tmp_path, steps=15)
    (tmp_path / "sinfo").write_text("#!/bin/sh\n")
    (tmp_path / "sinfo").chmod(0o755)
    path = f"{tmp_path}:/bin:/usr/bin"
    done = run(tmp_path, "--check", "--membranes", "--backend", "loihi2", PYTHONPATH=str(tmp_path), PATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[:4] == ["PyToN3ConvAdapter 16"] + ["NxToPyAdapter 0"] * 3
    assert lines[-1] == "EQUAL: all that was recorded, in 3 samples"


def test_expected_spikes_carry_the_network_they_are_of(tmp_path: Path) -> None:
    network, samples = exported(tmp_path)
    found = _loaded(tmp_path / "net-1.expected.npz")
    assert str(found["digest"]) == network.digest()
    np.testing.assert_array_equal(found["input"], samples)
    facts = _facts(tmp_path)
    assert json.loads(facts.labels) == list(network.labels)  # type: ignore[attr-defined]
