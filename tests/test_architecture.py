"""Who may import whom, what stays unloaded, and that the package is what the folders say."""

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("toolchain", "models", "export", "snnc")
SOURCES = sorted(
    path for folder in (*FOLDERS, "toolchain/native", "toolchain/methods") for path in (ROOT / folder).glob("*.py")
)

# What each file may import of ours; folders first, then the files with a rule of their own.
FOLDER_RULES = {
    "toolchain": {"snnc.toolchain"},
    "models": {"snnc.models", "snnc.toolchain"},
    "export": {"snnc.export", "snnc.toolchain"},
    "snnc": {"snnc"},
}
FILE_RULES = {
    "toolchain/errors.py": set(),
    "toolchain/lif.py": set(),
    "toolchain/integers.py": {"snnc.toolchain.errors"},
    "toolchain/synapse.py": {"snnc.toolchain.errors", "snnc.toolchain.integers", "snnc.toolchain.lif"},
    "toolchain/network.py": {"snnc.toolchain." + name for name in ("errors", "integers", "lif", "synapse")},
    "toolchain/trace.py": {"snnc.toolchain.network"},
}
# What describes, writes and runs the integer network, and must work without torch.
INTEGER_SIDE = {"difference", "errors", "lif", "integers", "synapse", "network", "bounds", "trace", "atomic_file"}
# Each optional or heavy library, and the only files that may import it.
OWNERS = {
    "torch": {"toolchain", "methods", "models"},
    "lava": {"export/lava_process.py", "export/lava_import.py", "export/lava_conv.py"},
    "h5py": {"export/netx_file.py", "export/nir_file.py"},
    "nir": {f"export/nir_{name}.py" for name in ("file", "flat", "graph", "import", "interpreter", "paths")},
    "onnx": {"export/onnx_file.py", "export/onnx_graph.py", "export/onnx_runner.py"},
    "onnxruntime": {"export/onnx_runner.py"},
    "sklearn": {"toolchain/datasets.py"},
    "datasets": {"toolchain/image_datasets.py"},
    "tonic": {"toolchain/event_datasets.py"},
    **{name: {"toolchain/training_rivals.py"} for name in ("spikingjelly", "snntorch", "norse", "sinabs")},
    "lightning_fabric": {"toolchain/launch.py"},
    "matplotlib": {"snnc/training_log.py"},
    "tensorboard": {"snnc/training_log.py"},
    "rich": {"snnc"},
    "click": {f"snnc/{name}.py" for name in ("cli", "cli_options", "file_commands", "bench_command", "train_command")},
}
WITHOUT_TORCH = {
    f"toolchain/{name}.py" for name in (*INTEGER_SIDE, "simulate", "verify", "report", "config", "dataset", "datasets")
}


def imports(path: Path) -> set[str]:
    """Return every module that a file imports anywhere in it, submodules that `from` names included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            parents = ("snnc", "snnc.toolchain", "snnc.models", "snnc.export")
            found |= {f"{node.module}.{alias.name}" if node.module in parents else str(node.module) for alias in node.names}
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def within(module: str, allowed: set[str]) -> bool:
    return any(module == rule or module.startswith(rule + ".") for rule in allowed)


def test_there_are_sources() -> None:
    assert len(SOURCES) > 25


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    allowed = FILE_RULES.get(name_of(path), FOLDER_RULES[path.relative_to(ROOT).parts[0]])
    ours = {module for module in imports(path) if module.split(".")[0] == "snnc"}
    wrong = {module for module in ours if not within(module, allowed)}
    assert not wrong, f"{name_of(path)} must not import {wrong}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_libraries_are_imported_by_their_owners_only(path: Path) -> None:
    for module in imports(path):
        owners = OWNERS.get(module.split(".")[0], {name_of(path)})
        assert name_of(path) in owners or path.parent.name in owners, f"{name_of(path)} must not import {module}"
    if name_of(path) in WITHOUT_TORCH:
        assert not any(within(module, {"torch"}) for module in imports(path))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_exporters_see_the_integer_side_only(path: Path) -> None:
    if path.parent.name == "export":
        used = {module for module in imports(path) if module.startswith("snnc.toolchain")}
        assert all(module.split(".")[2] in INTEGER_SIDE for module in used), used


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
        "import snnc.export.lava_runner",
        "import snnc.engines",
        "import snnc.session",
        "import snnc.cli; import snnc.verdict_tables; import snnc.toolchain.report",
    ],
)
def test_torch_and_lava_are_not_loaded_by(statement: str) -> None:
    assert not loaded_by(statement) & {"torch", "lava", "nir", "onnx", "onnxruntime", "sklearn", "matplotlib"}


@pytest.mark.skipif(not os.environ.get("CI"), reason="elsewhere, tests of missing extras are skipped")
@pytest.mark.parametrize(
    "name", ["datasets", "PIL", "tonic", "lightning_fabric", "tensorboard", "matplotlib", "nir", "onnxruntime"]
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
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    covered_elsewhere = {  # source -> the test that covers it
        "__init__": "models",
        "__main__": "cli",
        "errors": "cli",
        "integers": "network",
        **dict.fromkeys(("method", "baseline", "tna", "tna3", "kd", "kd_ce"), "methods"),
        "dataset": "datasets",
        "watching": "train",
        "training_steps": "training_bench",
        "lif_torch": "lif_training",
        "spiking_network": "models",
        "cifarnet": "models",
        "densenet": "models",
        "lava_process": "lava_runner",
        "device": "tensor_simulator",
        "bench_tables": "bench",
        "bench_command": "bench",
        "cli_options": "cli",
        "description": "onnx_file",
        "difference": "session",
        "importing": "file_commands",
        "inspecting": "file_commands",
        "nir_flat": "nir_interpreter",
        "nir_graph": "nir_file",
        "nir_paths": "nir_import",
        "nir_runner": "nir_file",
        "onnx_graph": "onnx_file",
        "onnx_runner": "onnx_file",
        "fast_layers": "fast",
        "library": "fast",
        "training_view": "cli",
        "verdict_tables": "cli",
    }
    for path in SOURCES:
        assert covered_elsewhere.get(path.stem, path.stem) in tested, f"{name_of(path)} has no test"
