"""Who may import whom, what stays unloaded, and that the package is what the folders say."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest
from sources import FOLDERS, ROOT, SOURCES, name_of

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
    "snnc/experiments/plan.py": {"snnc.graph_start", "snnc.toolchain"},
    "snnc/experiments/one_run.py": {"snnc.experiments", "snnc.graph_start", "snnc.models", "snnc.toolchain"},
    "snnc/experiments/all_methods.py": {"snnc.experiments", "snnc.toolchain", "snnc.verification"},
    "snnc/evaluation": {"snnc.evaluation", "snnc.files", "snnc.members", "snnc.models", "snnc.toolchain", "snnc.verification"},
    "snnc/screen.py": {"snnc.toolchain.errors"},
    "snnc/verification": {"snnc.verification", "snnc.screen", "snnc.export", "snnc.toolchain"},
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
    "rich": (
        "snnc/cli",
        "snnc/verification",
        "snnc/bench/tables.py",
        "snnc/files.py",
        "snnc/screen.py",
        "snnc/training_view.py",
    ),
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
