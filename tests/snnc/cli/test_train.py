"""snnc train: presets, dry runs, and what lies beside the checkpoint."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from snnc.cli.main import main
from snnc.cli.train import PRESETS
from snnc.files import load_subject
from snnc.toolchain.data.table import DATASETS
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.quantize import WEIGHTS
from snnc.toolchain.layers.surrogate import SURROGATES
from snnc.toolchain.settings import settings_of
from snnc.toolchain.training.checkpoint import load_checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import METHODS

QUICK = ["--model", "mlp", "--width", "0.03", "--epochs-float", "1", "--epochs-quantized", "1", "--epochs-integer", "1"]
FILES = sorted(PRESETS.glob("*.toml"))
PAPER = {"cifar10-tna": 1e-3, "cifar100-tna": 1e-3, "fashion-mnist-tna": 1e-4, "cifar10-dvs-tna": 1e-4}  # alpha


def snnc(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_a_preset_for_every_dataset() -> None:
    assert {tomllib.loads(path.read_text())["data"] for path in FILES} == set(DATASETS)
    assert PRESETS.is_dir() and not PRESETS.is_symlink()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_preset_can_be_read_and_run(path: Path) -> None:
    config = TrainConfig.from_toml(path)
    assert path.stem.startswith(config.data)
    assert config.method in METHODS
    assert Neurons(config.timesteps, config.beta, config.surrogate)


@pytest.mark.parametrize("name", PAPER)
def test_presets_of_the_paper_hold_what_it_states(name: str) -> None:
    config = TrainConfig.from_toml(PRESETS / f"{name}.toml")
    assert (config.model, config.width, config.timesteps, config.method, config.weights) == ("cifarnet", 1, 5, "tna", "ternary")
    assert (config.epochs_float, config.epochs_quantized) == (150, 100)
    assert (config.lr, config.batch_size, config.gamma, config.schedule) == (0.01, 256, 0.928, "exponential")
    assert (config.method_settings.alpha, config.delta, config.surrogate) == (PAPER[name], 0.1, "boxcar")
    events = name == "cifar10-dvs-tna"
    assert config.dropout == (0.5 if events else 0.2)
    assert (config.shift, config.flip, config.rotate, config.shear) == ((0, 0, 30, 30) if events else (4, 0.5, 0, 0))


def test_an_empty_name_is_not_a_missing_option() -> None:
    result = snnc("train", "--resume", "")
    assert (result.exit_code, result.stderr) == (2, "snnc: '' is no name of a file; name one\n")


def test_a_preset_and_options_over_it() -> None:
    assert snnc("train", "--preset", "digits-tna", *QUICK, "--seed", "3").exit_code == 0
    config = load_checkpoint("model.pt").config
    assert (config.data, config.method, config.model, config.seed) == ("digits", "tna", "mlp", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "cifar11"], "preset 'cifar11' is unknown; allowed are cifar10-dvs-tna, cifar10-sei, cifar10-tna"),
        (["--preset", "digits-tna", "-c", "run.toml"], "--preset and --config cannot go together"),
        (["--resume", "model.pt", "--preset", "digits-tna"], "leave out --preset"),
        (["--preset", ""], "preset '' is unknown"),
        (["--dry-run", "--weights", "int4"], "weights 'int4' is unknown; allowed are float, ternary, binary"),
        (["--batch-size", "99999999999999999999"], "setting 'batch_size' is 99999999999999999999; allowed are 2 to"),
        (["--lr", "1e38"], "setting 'lr' is 1e+38; allowed are 0 to 1000"),
        (["--lr", "inf"], "setting 'lr' is inf; it must be finite"),
        (["--precision", "fp16"], "precision 'fp16' needs a GPU"),
        (["--log", "paper"], "log 'paper' is unknown; allowed are tensorboard"),
        (["--dry-run", "--method", "magic"], "method 'magic' is unknown"),
        (["--surrogate", "step"], "surrogate 'step' is unknown; allowed are boxcar, arctan, fast-sigmoid"),
        (["--precision", "int8"], "precision 'int8' is unknown; allowed are float32, bf16, fp16"),
        (["--data", "digits", "--image-size", "9"], "leave image_size out"),
        (["--method", "kd", "--teacher", "nothing.pt"], "nothing.pt: no such file"),
    ],
)
def test_faults_are_one_line(arguments: list[str], message: str) -> None:
    result = snnc("train", *QUICK, *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("surrogate", ["arctan", "fast-sigmoid"])
def test_other_surrogates_train(surrogate: str) -> None:
    assert snnc("train", *QUICK, "--surrogate", surrogate).exit_code == 0
    assert load_checkpoint("model.pt").accuracy > 0.15


def test_a_dry_run_shows_what_it_takes_and_writes_nothing(folder: Path) -> None:
    result = snnc("train", "--dry-run")
    assert result.exit_code == 0
    assert "212,746" in result.stdout and "synaptic operations" in result.stdout
    assert "2 networks, 40 epochs" in result.stdout
    plan = json.loads(snnc("train", "--dry-run", "--json", "--method", "baseline").stdout)
    assert plan["networks"] == 1
    assert sum(layer["parameters"] for layer in plan["layers"]) == 212_746
    assert not list(folder.iterdir())


def test_history_and_curves_lie_beside_the_checkpoint(folder: Path) -> None:
    result = snnc("train", *QUICK, "-o", "there/model.pt")
    assert result.exit_code == 0, result.output
    assert {path.name for path in (folder / "there").iterdir()} == {"model.history.json", "model.pt", "model.training.png"}
    history = json.loads((folder / "there" / "model.history.json").read_text())
    assert history["config"]["model"] == "mlp"
    assert [epoch["stage"] for epoch in history["epochs"]] == ["float", "quantized", "integer"]
    last = history["epochs"][-1]
    assert last["firing_rates"].keys() == {"fc1", "fc2"}
    assert last["sparsity"].keys() == {"fc1", "fc2", "readout"}
    assert all(0 <= value <= 1 for value in (*last["firing_rates"].values(), *last["sparsity"].values()))


def test_firing_rates_are_shown() -> None:
    assert "firing/zero weights (%)  fc1 " in snnc("train", *QUICK, "--verbose").stdout


@pytest.mark.parametrize(
    "text",
    [
        "[enforce fail at alloc_cpu.cpp:119] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
        "CUDA out of memory. Tried to allocate 20.00 MiB",
        "[gloo/transport/tcp/pair.cc:542] Connection closed by peer [127.0.0.1]:1234",
    ],
)
def test_what_the_machine_lacks_is_one_line(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError(text + "\nwith more lines\n")

    monkeypatch.setattr("snnc.cli.train.run_training", fail)
    result = snnc("train", *QUICK)
    assert result.exit_code == 2
    assert result.stderr == f"snnc: RuntimeError: {text} with more lines\n"


def test_what_nobody_foresaw_is_one_line_and_a_file_to_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("snnc.cli.train.run_training", fail)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    result = snnc("train", *QUICK)
    report = tmp_path / "snnc" / "last-error.txt"
    assert (result.exit_code, result.stdout) == (2, "")
    said = "this was not foreseen: RuntimeError: a mistake of ours"
    assert result.stderr == f"snnc: {said}; please report it with {report}\n"
    assert "Traceback (most recent call last)" in report.read_text() and "in fail" in report.read_text()


def test_a_process_that_helps_says_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    result = snnc("train", *QUICK, "--method", "magic")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("snnc, process 1: method 'magic' is unknown")


@pytest.mark.parametrize("command", ["train", "demo"])
def test_help_at_80_columns_breaks_no_word(command: str) -> None:
    narrow, wide = (
        CliRunner().invoke(main, [command, "-h"], terminal_width=columns, prog_name="snnc").stdout for columns in (80, 4000)
    )
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.split() == wide.split()
    assert "fast-sigmoid" in narrow and "--method [baseline|tna|tna3|kd|kd-ce|sei|bisnn-st|bisnn-bayes]" in " ".join(
        narrow.split()
    )


def test_help_says_which_methods_a_setting_belongs_to() -> None:
    text = " ".join(snnc("train", "-h").stdout.split())
    assert "[methods: tna, tna3, kd-ce; default: 0.1]" in text
    assert "[methods: kd, kd-ce, sei]" in text


def test_help_names_the_rows_of_tables_that_need_torch() -> None:
    texts = {each.name: each.metadata["help"] for each in settings_of(TrainConfig)}
    for table, name in ((WEIGHTS, "weights"), (SURROGATES, "surrogate")):
        assert all(row in texts[name] for row in table)


@pytest.mark.parametrize(
    ("option", "start", "rows"),
    [
        ("--data", "digits", {"digits", "digits-events"}),
        ("--model", "m", {"mlp"}),
        ("--weights", "", set(WEIGHTS)),
        ("--surrogate", "f", {"fast-sigmoid"}),
        ("--method", "kd", {"kd", "kd-ce"}),
        ("--schedule", "", {"cosine", "exponential"}),
        ("--precision", "f", {"float32", "fp16"}),
        ("--log", "t", {"tensorboard"}),
    ],
)
def test_the_shell_completes_names(option: str, start: str, rows: set[str]) -> None:
    found = ShellComplete(main, {}, "snnc", "_SNNC_COMPLETE").get_completions(["train", option], start)
    assert {item.value for item in found} == rows


def test_help_loads_no_torch() -> None:
    code = (
        "import sys; import snnc.cli.main as c; c.main(['train', '-h'], standalone_mode=False); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("False\n")


def test_a_setting_of_another_method_is_one_line() -> None:
    result = snnc("train", *QUICK, "--method", "baseline", "--alpha", "0.1")
    assert result.stderr == "snnc: method 'baseline' has no setting 'alpha'; leave it out, or choose one of tna, tna3, kd-ce\n"
    result = snnc("train", "--resume", "model.pt", "--alpha", "0.1")
    assert result.stderr == "snnc: --resume takes the checkpoint's own settings; leave out --alpha\n"


def test_a_part_of_a_data_set_keeps_its_name_through_files_and_is_verified_on_all_its_test_images() -> None:
    made = snnc("train", "--data", "mnist-5k:500", "--image-size", "8", *QUICK, "--output", "part.pt")
    assert "mnist-5k:500: 500 training and 2500 test samples" in made.output
    assert snnc("export", "part.pt").exit_code == 0
    found = snnc("simulate", "part.pt", "part.net", "--engine", "fast", "--engine", "torch")
    assert found.exit_code == 0
    assert "EQUAL: reference = fast = torch on 2,500 samples" in found.output
    assert load_subject("part.net")[0].network.data == "mnist-5k:500"
