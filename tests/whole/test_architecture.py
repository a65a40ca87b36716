"""Who may import whom, what stays unloaded, and that the package is what the folders say."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("toolchain", "models", "export", "snnc")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if not any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(ROOT))
)
LAYERS = {"snnc.toolchain.network", "snnc.toolchain.native", "snnc.toolchain.layers", "snnc.toolchain.distributed"}

# What the files of each folder may import of ours: data flows one way. The longest name that fits counts.
RULES = {
    "toolchain": {"snnc.toolchain"},
    "toolchain/errors.py": set(),
    "toolchain/atomic_file.py": {"snnc.toolchain.errors", "snnc.toolchain.output_file"},
    "toolchain/output_file.py": {"snnc.toolchain.errors"},
    "toolchain/input_file.py": {"snnc.toolchain.errors"},
    "toolchain/failure_log.py": {"snnc.toolchain.errors", "snnc.toolchain.atomic_file"},
    "toolchain/seal.py": {"snnc.toolchain.errors"},
    "toolchain/distributed.py": set(),
    "toolchain/interrupts.py": set(),
    "toolchain/device.py": {"snnc.toolchain.errors"},
    "toolchain/network": {"snnc.toolchain.errors", "snnc.toolchain.network"},
    "toolchain/native": {"snnc.toolchain.errors", "snnc.toolchain.native"},
    "toolchain/native/sources.py": set(),
    "toolchain/simulate": {"snnc.toolchain." + name for name in ("network", "native", "simulate", "errors", "device")},
    "toolchain/data": {"snnc.toolchain." + name for name in ("network", "data", "errors", "atomic_file", "seal")},
    "toolchain/data/reading_child.py": set(),
    "toolchain/layers": LAYERS | {"snnc.toolchain.errors", "snnc.toolchain.simulate.trace"},
    "toolchain/settings.py": {"snnc.toolchain.errors"},
    "toolchain/training": LAYERS
    | {"snnc.toolchain." + name for name in ("settings", "training", "data", "errors", "device", "interrupts")}
    | {"snnc.toolchain." + name for name in ("atomic_file", "output_file", "input_file", "seal")},
    "toolchain/lower.py": LAYERS | {"snnc.toolchain.errors"},
    "models": {"snnc.models", "snnc.toolchain"},
    "export": {"snnc.export"}
    | {"snnc.toolchain." + name for name in ("network", "simulate.trace", "errors", "seal")}
    | {"snnc.toolchain." + name for name in ("atomic_file", "input_file", "output_file")},
    "export/hdf5/walk.py": set(),
    "export/lava/run_model.py": set(),  # a script of its own, which is copied to users
    "export/netx/companions.py": {"snnc.export.target", "snnc.toolchain.network", "snnc.toolchain.simulate.reference"},
    "export/lava": {"snnc.export", "snnc.toolchain.failure_log", "snnc.toolchain.interrupts"}
    | {"snnc.toolchain." + name for name in ("network", "simulate.trace", "errors")},
    "snnc": {"snnc"},
    "snnc/bench": {"snnc.bench", "snnc.export", "snnc.models", "snnc.toolchain"},
    "snnc/experiments": {"snnc.experiments", "snnc.models", "snnc.toolchain"},
    **{
        f"snnc/experiments/{name}.py": {"snnc.evaluation", "snnc.experiments", "snnc.members", "snnc.toolchain"}
        for name in ("bisnn", "calibration", "toys")
    },
    "snnc/experiments/all_methods.py": {"snnc.experiments", "snnc.toolchain", "snnc.verification"},
    "snnc/evaluation": {"snnc.evaluation", "snnc.files", "snnc.members", "snnc.models", "snnc.toolchain", "snnc.verification"},
    "snnc/verification": {"snnc.verification", "snnc.export", "snnc.toolchain"},
    "snnc/report": {"snnc.report", "snnc.verification", "snnc.export", "snnc.toolchain"},
}
# Folders and files that may import torch; all others must work without it.
TORCH = (
    *("toolchain/layers", "toolchain/training", "toolchain/lower.py", "toolchain/device.py", "toolchain/distributed.py"),
    *("toolchain/simulate/tensor.py", "models", "snnc/bench", "snnc/experiments"),
)
# Every other optional or heavy library, and where it may be imported.
OWNERS = {
    "torch": TORCH,
    "lava": ("export/lava", "snnc/bench/lava_conv.py"),
    # The first only writes, run_model.py is a user's own: files of others are opened by two scripts in processes of their own.
    "h5py": ("export/netx/file.py", "export/hdf5/walk.py", "export/lava/run_model.py", "toolchain/data/reading_child.py"),
    "nir": ("export/nir",),
    "onnx": ("export/onnx",),
    "onnxruntime": ("export/onnx",),
    "sklearn": (),  # only tests
    "datasets": ("toolchain/data",),
    "tonic": ("toolchain/data",),
    **dict.fromkeys(("aedat", "hdf5plugin"), ("toolchain/data/reading_child.py",)),
    **dict.fromkeys(("spikingjelly", "snntorch", "norse", "sinabs"), ("snnc/bench/frameworks.py",)),
    "lightning_fabric": ("toolchain/training/launch.py",),
    "scipy": ("snnc/experiments/statistics.py",),
    "matplotlib": ("snnc/cli", "snnc/plot.py"),
    "tensorboard": ("snnc/cli",),
    "rich": ("snnc/cli", "snnc/verification", "snnc/bench/tables.py", "snnc/files.py", "snnc/training_view.py"),
    "click": ("snnc/cli",),
    "jinja2": ("snnc/report/page.py",),
    "markupsafe": ("snnc/report/page.py",),
}


def imports(path: Path) -> set[str]:
    """Return every module that a file imports anywhere in it, submodules that `from` names included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:  # a module of a package, or a name of a module
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner.startswith("snnc.") and is_module(inner) else str(node.module))
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def within(module: str, allowed: set[str]) -> bool:
    return any(module == rule or module.startswith(rule + ".") for rule in allowed)


def test_there_are_sources() -> None:
    assert len(SOURCES) > 25


def is_module(name: str) -> bool:
    path = ROOT / "/".join(name.removeprefix("snnc.").split("."))
    inside = path if path.parts[len(ROOT.parts)] in FOLDERS[:3] else ROOT / "/".join(name.split("."))
    return inside.is_dir() or inside.with_suffix(".py").is_file()


def lies_in(path: Path, places: Iterable[str]) -> bool:
    return any(name_of(path) == place or name_of(path).startswith(place + "/") for place in places)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    allowed = RULES[max((place for place in RULES if lies_in(path, [place])), key=len)]
    ours = {module for module in imports(path) if module.split(".")[0] == "snnc"}
    wrong = {module for module in ours if not within(module, allowed)}
    assert not wrong, f"{name_of(path)} must not import {wrong}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_libraries_are_imported_by_their_owners_only(path: Path) -> None:
    for module in imports(path):
        owners = OWNERS.get(module.split(".")[0], (name_of(path),))
        assert lies_in(path, owners), f"{name_of(path)} must not import {module}"


def test_every_rule_is_about_something() -> None:
    assert all((ROOT / place).exists() for place in [*RULES, *(place for places in OWNERS.values() for place in places)])


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_are_short_and_named_for_what_they_hold(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    assert path.stem not in ("utils", "util", "helpers", "base", "misc", "common")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(output.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import snnc",
        "import snnc; snnc.read_network, snnc.Network",
        "import snnc.export.lava.runner",
        "import snnc.verification.engines",
        "import snnc.files",
        "import snnc.toolchain.training.config as config; config.TrainConfig(); config.METHODS",
        "import snnc.cli.main; import snnc.verification.tables; import snnc.report.page",
    ],
)
def test_torch_and_lava_are_not_loaded_by(statement: str) -> None:
    assert not loaded_by(statement) & {"torch", "lava", "nir", "onnx", "onnxruntime", "sklearn", "matplotlib"}


@pytest.mark.skipif(not os.environ.get("CI"), reason="elsewhere, tests of missing extras are skipped")
@pytest.mark.parametrize(
    "name",
    ["datasets", "PIL", "tonic", "aedat", "hdf5plugin", "lightning_fabric", "tensorboard", "matplotlib", "nir", "onnxruntime"],
)
def test_ci_has_every_extra(name: str) -> None:
    assert find_spec(name), f"{name} is not installed: make dev"


def test_importing_snnc_loads_almost_nothing() -> None:
    assert not loaded_by("import snnc") & {"numpy", "click", "rich", "h5py"}


def test_every_public_name_can_be_used() -> None:
    import snnc

    assert snnc.__all__
    assert all(getattr(snnc, name) is not None for name in snnc.__all__)
    with pytest.raises(AttributeError, match="module 'snnc' has no attribute 'nothing'"):
        _ = snnc.nothing


@pytest.mark.parametrize("folder", ["toolchain", "models", "export"])
def test_the_links_make_folder_and_module_the_same(folder: str) -> None:
    link = ROOT / "snnc" / folder
    assert link.is_symlink()
    assert link.resolve() == ROOT / folder


def test_every_source_has_a_test_file() -> None:
    covered_elsewhere = {  # source -> the test that covers it, in the same folder or from tests/ on
        "__main__": "snnc/cli/test_process",
        "walk": "test_tree",
        "errors": "snnc/cli/test_main",
        "validation": "test_network",
        **dict.fromkeys(("method", "baseline", "tna", "tna3", "kd", "kd_ce"), "toolchain/training/test_methods"),
        **dict.fromkeys(("bisnn_st", "bisnn_bayes"), "toolchain/training/test_methods"),
        "toolchain/training/members": "snnc/test_members",
        "evaluating": "test_posterior",
        "simulate_members": "test_export_members",
        "simulate_recording": "snnc/verification/test_recorded",
        **dict.fromkeys(("reliability", "predictions", "snnc/evaluation/evaluate"), "snnc/cli/test_evaluate"),
        "toolchain/network/predictions": "test_predictions",
        "dataset": "test_table",
        **dict.fromkeys(("integers", "mapped"), "test_data_file"),
        **dict.fromkeys(("reading", "reading_child"), "test_arrays"),
        "callbacks": "test_train",
        "resume": "whole/test_resume",
        "model_file": "models/test_python_file",
        "companions": "test_methods",
        "metrics": "test_checkpoint",
        "training_options": "test_train",
        "snnc/training": "toolchain/training/test_train",
        "training_steps": "test_training",
        "lif_torch": "test_lif_autograd",
        "phase": "test_spiking_network",
        "cifarnet": "test_models",
        "torch_neurons": "test_from_torch",
        "mlp": "test_models",
        "graph_options": "snnc/test_graph_start",
        "training_start": "models/test_checkpoint_start",
        "toolchain/training/outputs": "test_validation",
        "export/lava/stock": "test_runner",
        "device": "toolchain/simulate/test_tensor",
        "tables": "test_simulation",
        "snnc/verification/tables": "snnc/cli/test_main",
        "bench": "snnc/bench/test_simulation",
        "options": "test_main",
        **dict.fromkeys(("simulate", "demo", "versions"), "test_main"),
        "description": "export/onnx/test_file",
        "importing": "snnc/cli/test_import_graph",
        "summary": "test_inspect",
        "snnc/cli/plot": "test_inspect",
        "export/target": "test_targets",
        "export/limits": "test_targets",
        "entries": "test_foreign",
        "export/netx/violations": "export/test_targets",
        "export/netx/companions": "export/lava/test_run_model",
        "export/nir/violations": "export/test_targets",
        "export/onnx/violations": "export/test_targets",
        "dialects": "test_file",
        "rules": "test_importer",
        "flat": "test_interpreter",
        "graph": "test_file",
        "paths": "test_importer",
        **dict.fromkeys(("crops", "terminals", "recognized", "export/nir/folding"), "test_importer"),
        "neurons": "test_interpreter",
        "loops": "test_recurrence",
        "export/nir/runner": "test_file",
        "export/onnx/runner": "test_file",
        **dict.fromkeys(("nodes", "sums", "neurons"), "test_recurrence"),
        **dict.fromkeys(("bitsliced_layers", "bitsliced_fused"), "test_bitsliced"),
        **dict.fromkeys(("library", "sources"), "test_native"),
        "bench_profile": "snnc/bench/test_profile",
        **dict.fromkeys(("content", "difference", "junit", "snnc/report/activity", "snnc/report/run"), "test_write"),
        **dict.fromkeys(("again", "trust"), "whole/test_report_claims"),
        "neuron_plot": "snnc/cli/test_trace",
        "violation": "test_chips",
        "models/architecture": "test_notation",
        "torch_layers": "test_from_torch_residual",
        "partition": "test_mapping",
        "witness": "test_overflow",
        "transposed": "test_activity",
        "toolchain/network/activity": "toolchain/simulate/test_activity",
        "check_tables": "test_check",
        "frames": "test_reference",
        **dict.fromkeys(("signals", "bitsliced_cycles"), "toolchain/simulate/test_recurrence"),
    }
    for path in SOURCES:
        if path.stem == "__init__":
            continue
        named = covered_elsewhere.get(name_of(path).removesuffix(".py")) or covered_elsewhere.get(path.stem)
        folder = ROOT / "tests" / path.parent.relative_to(ROOT)
        places = [folder / f"{named or 'test_' + path.stem}.py", ROOT / "tests" / f"{named}.py"]
        assert any(place.is_file() for place in places), f"{name_of(path)} has no test"


def test_tests_lie_where_their_sources_do() -> None:
    kept_apart = {"support", "whole", "fuzz"}
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.parent.relative_to(ROOT / "tests")
        assert folder.parts[0] in kept_apart or (ROOT / folder).is_dir(), f"{name_of(path)} has no folder of sources"
