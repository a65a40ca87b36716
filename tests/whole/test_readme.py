"""Every command and every line of code in README.md runs as printed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from readme import ReadmeRun, blocks, commands

from snnc.toolchain.training.config import TrainConfig

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_there_is_something_to_run() -> None:
    assert len(commands("make")) == 2
    assert len(commands("snnc")) >= 4
    assert len(blocks("python")) == 1
    assert len([line for line in blocks("python")[0].splitlines() if line.strip()]) <= 10


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z]+)", README))
    assert {"demo", "test", "dev", "check"} <= named <= targets


def test_the_settings_shown_are_settings() -> None:
    (text,) = blocks("toml")
    assert TrainConfig.from_dict(tomllib.loads(text)).model == "mlp"


def test_every_file_named_exists() -> None:
    named = re.findall(r"\]\((?!http)([^)]+)\)", README) + re.findall(r"`([a-z]+/[a-z_]+\.(?:py|txt))`", README)
    assert len(named) >= 5
    assert all((ROOT / name).exists() for name in named)


@pytest.mark.slow
@pytest.mark.lava
def test_every_command_runs_as_printed(readme_run: ReadmeRun) -> None:
    assert list(readme_run.outputs) == commands("snnc")
    for command, output in readme_run.outputs.items():
        if "simulate" in command:
            assert "EQUAL: reference = " in output


@pytest.mark.slow
@pytest.mark.lava
def test_the_python_code_runs_as_printed(readme_run: ReadmeRun) -> None:
    (code,) = blocks("python")
    subprocess.run([sys.executable, "-c", code], cwd=readme_run.folder, check=True, timeout=300)
