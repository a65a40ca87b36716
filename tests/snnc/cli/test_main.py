"""The commands as a user types them: output, JSON, exit status, and one line for every fault."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import h5py
import pytest
from click.testing import CliRunner, Result

from snnc.cli.main import main
from snnc.cli.versions import PACKAGES
from snnc.export.lava.import_fixes import INSTALL
from snnc.toolchain.errors import EngineError, SnncError
from snnc.toolchain.training.checkpoint import load_checkpoint
from snnc.verification import engines

QUICK = ["--model", "mlp", "--width", "0.03", "--epochs-float", "1", "--epochs-quantized", "1", "--epochs-integer", "1"]


def no_kernel() -> None:
    raise EngineError("its C kernel was not built")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engines, "lava_installed", lambda: False)
    monkeypatch.setattr(engines, "load_kernel", no_kernel)
    return tmp_path


def snnc(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def one_line(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("snnc: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    return result.stderr


def test_train_export_simulate(folder: Path) -> None:
    trained = snnc("train", *QUICK, "--seed", "1")
    assert trained.exit_code == 0, trained.output
    assert "model.pt: integer network, test accuracy" in trained.stdout
    assert "1 float " in trained.stdout and "3 integer " in trained.stdout
    exported = snnc("export", "--target", "loihi2", "model.pt")
    assert exported.stdout == "model.net: loihi2, read back and equal\n"
    checked = snnc("simulate", "model.pt", "--samples", "20")
    assert checked.exit_code == 0
    assert "EQUAL: reference = tensor = torch" in checked.stdout
    assert f"engine lava left out: Lava is not installed; get it with: {INSTALL}" in checked.stdout.replace("\n", " ")
    stood_in = snnc("simulate", "model.net", "-n", "20").stdout
    assert "EQUAL: reference = tensor" in stood_in
    assert "engine fast left out: its C kernel was not built; the slower tensor stands in" in stood_in
    assert "add --engine tensor or --engine torch" in one_line(snnc("simulate", "model.pt", "-e", "reference"))
    assert snnc("simulate", "model.pt", "-n", "20", "--report", "report.html").exit_code == 0
    assert "EQUAL" in Path("report.html").read_text(encoding="utf-8")
    assert "\x1b[" not in trained.stdout + exported.stdout + checked.stdout


def test_json_objects(folder: Path) -> None:
    trained = json.loads(snnc("train", *QUICK, "--json").stdout)
    assert set(trained) == {"checkpoint", "accuracy", "seconds", "config"}
    assert trained["accuracy"] == load_checkpoint(trained["checkpoint"]).accuracy
    assert trained["config"]["width"] == 0.03
    exported = json.loads(snnc("export", "model.pt", "-o", "other.net", "--json").stdout)
    assert exported["file"] == "other.net"
    verdict = json.loads(snnc("simulate", "model.pt", "--json").stdout)
    assert set(verdict) == {
        "equal",
        "samples",
        "compared_samples",
        "baseline",
        "timesteps",
        "engines",
        "compared",
        "left_out",
        "layers",
        "silent",
        "first_difference",
    }
    assert (verdict["equal"], verdict["samples"], verdict["first_difference"]) == (True, 540, None)
    assert verdict["engines"]["torch"]["accuracy"] == trained["accuracy"]


def test_quiet_says_nothing_and_verbose_says_more(folder: Path) -> None:
    assert snnc("train", *QUICK, "--quiet").output == ""
    assert snnc("export", "model.pt", "-q").output == ""
    assert "dense 31x64 from input" in snnc("export", "model.pt", "-v").stdout
    assert snnc("simulate", "model.pt", "-q").output == ""
    assert snnc("train", *QUICK, "--verbose", "--epochs-float", "3", "--force").stdout.count("float ") == 3


def test_a_toml_file_and_options_over_it(folder: Path) -> None:
    Path("run.toml").write_text(
        'model = "mlp"\nwidth = 0.03\nepochs_float = 1\nepochs_quantized = 1\nepochs_integer = 1\nseed = 7\n'
    )
    assert snnc("train", "-c", "run.toml", "--seed", "8", "-o", "a.pt").exit_code == 0
    config = load_checkpoint("a.pt").config
    assert (config.seed, config.epochs_float) == (8, 1)


def test_a_difference_exits_with_1_and_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch, tiny_path: Path) -> None:
    from snnc.toolchain.layers.spiking_network import SpikingNetwork

    original = SpikingNetwork.trace

    def off_by_one(self: SpikingNetwork, samples: object) -> object:
        trace = original(self, samples)  # type: ignore[arg-type]
        trace.membranes["fc2"][2, 5, 3] += 1
        return trace

    monkeypatch.setattr(SpikingNetwork, "trace", off_by_one)
    result = snnc("simulate", tiny_path, "-n", "10")
    assert result.exit_code == 1
    assert "DIFFERENT: layer 'fc2', step 2, sample 5, neuron (3,): membrane is" in result.stdout
    quiet = snnc("simulate", tiny_path, "-n", "10", "--quiet")
    assert quiet.exit_code == 1
    assert quiet.stderr.startswith("snnc: DIFFERENT: layer 'fc2', step 2, sample 5")
    verdict = json.loads(snnc("simulate", tiny_path, "-n", "10", "--json").stdout)
    assert verdict["first_difference"]["layer"] == "fc2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate", "none.pt"], "none.pt: no such file"),
        (["simulate", "none.net"], "none.net: no such file"),
        (["simulate", "text.net"], "text.net: not a readable HDF5 file"),
        (["simulate", "text.pt"], "text.pt: not a readable checkpoint"),
        (["simulate", "text.txt"], "unknown suffix '.txt'"),
        (["simulate", "."], "unknown suffix"),
        (["simulate", "TINY", "--engine", "lawa"], "engine 'lawa' is unknown"),
        (["simulate", "TINY", "--engine", "lava"], f"Lava is not installed; get it with: {INSTALL}"),
        (["simulate", "TINY", "--engine", "fast"], "its C kernel was not built"),
        (["simulate", "TINY", "--engine", "tensor", "--device", "quantum"], "device 'quantum' cannot be used"),
        (["simulate", "TINY", "--engine", "tensor", "--device", "hpu"], "device 'hpu' cannot be used"),
        (["simulate", "TINY", "--data", "mnist2"], "dataset 'mnist2' is unknown"),
        (["simulate", "TINY", "--samples", "541"], "541 samples were asked for; allowed are 1 to 540"),
        (["export", "TINY", "--target", "tpu"], "target 'tpu' is unknown"),
        (["export", "TINY", "-o", "/proc/none/a.net"], "cannot be written"),
        (["train", "--data", "digit"], "dataset 'digit' is unknown"),
        (["train", "--model", "vgg"], "model 'vgg' is unknown"),
        (["train", "--method", "magic"], "method 'magic' is unknown"),
        (["train", "--lr", "-1"], "setting 'lr' is -1.0; allowed are 0"),
        (["train", "--config", "none.toml"], "none.toml: not a readable TOML file"),
        (["export", "TINY", "-o", "a.pt"], "output 'a.pt' must end in .net"),
        (["train", "-o", "good.pth"], "output 'good.pth' must end in .pt"),
        (["train", "-o", "/proc/none/a.pt"], "cannot be written"),
    ],
)
def test_every_fault_is_one_line_and_status_2(folder: Path, tiny_path: Path, arguments: list[str], message: str) -> None:
    for name in ("text.net", "text.pt", "text.txt"):
        Path(name).write_text("just text")
    before = set(folder.iterdir())
    line = one_line(snnc(*(str(tiny_path) if argument == "TINY" else argument for argument in arguments)))
    assert message in line
    assert set(folder.iterdir()) == before


def test_brackets_in_names_are_printed_as_they_are(folder: Path, tiny_path: Path) -> None:
    odd = "odd [bold]/[/x].net"
    assert snnc("export", tiny_path, "-o", odd).stdout == f"{odd}: loihi2, read back and equal\n"


def test_the_error_family_is_one() -> None:
    from snnc.toolchain import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 5
    assert all(issubclass(kind, SnncError) and kind.__doc__ for kind in kinds)
    with pytest.raises(errors.NetworkError, match="layer 'a': weight 3"), errors.located("layer 'a'"):
        raise errors.NetworkError("weight 3")


def test_a_foreign_hdf5_file_is_refused(folder: Path) -> None:
    with h5py.File("foreign.net", "w") as file:
        file["data"] = [1, 2]
    assert "a file of lava-dl, which does not say the time steps of a sample; add --timesteps" in one_line(
        snnc("simulate", "foreign.net")
    )


@pytest.mark.parametrize(
    "command",
    [[], ["train"], ["export"], ["simulate"], ["demo"], ["bench"], ["import"], ["inspect"], ["trace"], ["check"]],
)
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    result = snnc(*command, "--help")
    assert result.exit_code == 0
    assert "snnc " + " ".join(command) in result.stdout
    assert command == [] or "Example: snnc" in result.stdout


def test_demo_does_the_whole_way(folder: Path) -> None:
    result = snnc("demo", *QUICK)
    assert result.exit_code == 0, result.output
    assert {path.name for path in Path("snnc-demo").iterdir()} == {
        "model.history.json",
        "model.net",
        "model.pt",
        "report.html",
        "model.training.png",
    }
    assert "EQUAL: reference = tensor = torch" in result.stdout


def test_the_module_is_the_command() -> None:
    result = subprocess.run([sys.executable, "-m", "snnc", "--version"], capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    assert lines[0].startswith("snnc ")
    assert [line.split()[0] for line in lines] == ["snnc", "Python", "C", *PACKAGES]


def test_ctrl_c_says_where_the_checkpoint_is(folder: Path) -> None:
    command = [sys.executable, "-m", "snnc", "train", *QUICK, "--epochs-float", "5000", "--verbose"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        line = "not yet"
        while line and "epoch   1" not in line:
            line = child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert errors == "snnc: stopped; continue with: snnc train --resume model.pt\n"
    assert load_checkpoint("model.pt").history


@pytest.mark.parametrize("command", [name for name in main.commands if name != "bench"])
def test_help_breaks_no_word_and_choices_are_choices(command: str) -> None:
    """At 80 columns every name with a hyphen stands whole on one line, and no choice is a bare text."""
    result = CliRunner().invoke(main, [command, "-h"], terminal_width=80)
    assert result.exit_code == 0
    shown = main.commands[command]
    for parameter in shown.get_params(click.Context(shown, help_option_names=["-h", "--help"])):
        for option in parameter.opts:
            assert option in result.stdout.replace("FILES", "files").replace("FILE", "file")
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert not [line for line in result.stdout.splitlines() if line.rstrip().endswith("-")]


def test_a_made_up_model_works_in_every_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof of MODELS: one function with a shortcut, as a row; trained, resumed, exported, inspected, simulated."""
    from snnc.models import MODELS
    from snnc.toolchain.layers.lif_autograd import Neurons
    from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
    from snnc.toolchain.layers.spiking_network import SpikingNetwork
    from snnc.toolchain.layers.synapses import Geometry, Synapses
    from snnc.toolchain.network.network import INPUT, Input
    from snnc.toolchain.training.config import TrainConfig

    def residual(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
        network = SpikingNetwork("residual", config.timesteps, input)
        neurons = Neurons(config.timesteps, config.beta, config.surrogate)

        def layer(name: str, *sources: str) -> str:
            synapses = {source: Synapses(network.shape(source), 4, Geometry(3, padding=1)) for source in sources}
            weights = "float" if INPUT in sources else config.weights
            return network.add(SpikingLayer(name, synapses, neurons, weights=weights, delta=config.delta))

        first = layer("conv1", INPUT)
        last = layer("conv3", layer("conv2", first), first)
        readout = {last: Synapses(network.shape(last), classes, Geometry())}
        network.add(ReadOut("readout", readout, neurons))
        return network

    monkeypatch.setitem(MODELS, "made-up", residual)
    assert snnc("train", *QUICK, "--model", "made-up", "--timesteps", "3").exit_code == 0
    assert "made-up" in snnc("train", "--model", "made-up", "--dry-run").stdout
    for target in ("nir", "onnx"):
        assert snnc("export", "-t", target, "model.pt").exit_code == 0
    refused = one_line(snnc("export", "-t", "loihi2", "model.pt"))
    assert "layer 'conv3': netx chains layers" in refused
    assert (
        "conv 4x4x3x3 from conv1"
        in snnc("inspect", "model.onnx", "-v").stdout + snnc("export", "model.pt", "-t", "nir", "-v").stdout
    )
    checked = snnc("simulate", "model.pt", "model.nir", "model.onnx", "-n", "20")
    assert checked.exit_code == 0, checked.output
    assert "EQUAL: reference = tensor = torch = onnx = nir = c on 20 samples" in checked.stdout
