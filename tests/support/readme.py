"""Reads the commands and the code of README.md, and runs the commands."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands(program: str) -> list[str]:
    """Return the command lines that begin with a program."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(program + " ")]


@dataclass
class ReadmeRun:
    """A folder in which commands were run as README prints them, and what each printed."""

    folder: Path
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> str:
        """Run a command line in the folder; fail the test unless its exit status is 0."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        result = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        return result.stdout
