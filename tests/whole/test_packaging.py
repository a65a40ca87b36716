"""A clone without symbolic links, which is what Windows makes by default, installs and runs."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import numpy as np, snnc, snnc.cli.main
from snnc.toolchain.training.methods import METHODS
layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
file = snnc.export(network, "loihi2", "example.net")
print(snnc.__file__, snnc.read_network(file) == network, len(snnc.load_dataset("digits").test), "tna" in METHODS)
"""


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
@pytest.mark.parametrize("editable", [False, True])
def test_a_clone_without_links_installs_and_runs(tmp_path: Path, editable: bool) -> None:
    clone, environment = tmp_path / "clone", tmp_path / "environment"
    subprocess.run(["git", "-c", "core.symlinks=false", "clone", "-q", str(ROOT), str(clone)], check=True)
    assert (clone / "snnc" / "toolchain").is_file()  # what git writes in place of a link
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*install, *["-e"] * editable, str(clone)], check=True)
    # What snnc needs is found in this environment, behind the new one's own packages.
    (packages,) = (environment / "lib").glob("python*/site-packages")
    (packages / "behind.pth").write_text(sysconfig.get_path("purelib") + "\n")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run([str(python), "-c", CODE], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    place, *found = result.stdout.split()
    assert Path(place).is_relative_to(clone if editable else environment)
    assert found == ["True", "540", "True"]
