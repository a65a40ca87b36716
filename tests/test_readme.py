"""Every command and every line of code in README.md runs as printed."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from snnc.toolchain.config import TrainConfig

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands(program: str) -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(program + " ")]


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
    assert TrainConfig.from_dict(tomllib.loads(text)).model == "dense"


def test_every_file_named_exists() -> None:
    named = re.findall(r"\]\((?!http)([^)]+)\)", README) + re.findall(r"`([a-z]+/[a-z_]+\.(?:py|txt))`", README)
    assert len(named) >= 5
    assert all((ROOT / name).exists() for name in named)


@pytest.mark.slow
@pytest.mark.lava
def test_every_command_and_the_python_code_run_as_printed(tmp_path: Path) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in commands("snnc"):
        result = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        if "simulate" in command:
            assert "EQUAL: reference = " in result.stdout
    (code,) = blocks("python")
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
