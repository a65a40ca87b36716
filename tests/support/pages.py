"""The commands and the code of README.md and of the documentation's pages, in their order, and runs of them in a folder."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from snnc.toolchain.atomic_file import claimed

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
NOT_RUN = "Not run by the tests"  # how the title of a block begins that needs what a test machine does not have
OUTPUT = "Output"  # the title of what the block in front of it prints

FENCE = re.compile(r'^```(\w*)(?: title="([^"]*)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
STATUS = re.compile(r"# exit status (\d)$")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its title ("" if it has none), and its text."""

    language: str
    title: str
    text: str

    @property
    def lines(self) -> list[str]:
        """The lines, those that a backslash continues as one."""
        return re.sub(r" *\\\n *", " ", self.text).splitlines()


@dataclass(frozen=True)
class Step:
    """One command line, or one block of Python; `output` is what the page says that it prints, None if it does not say."""

    language: str
    text: str
    output: str | None = None

    @property
    def status(self) -> int:
        """The exit status that the page says: `# exit status 1` at the end of a command, else 0."""
        found = STATUS.search(self.text)
        return int(found[1]) if found else 0


def text_of(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the code blocks of a page, of some languages or of all."""
    found = [Block(*match.groups(default="")) for match in FENCE.finditer(text_of(page))]
    return [block for block in found if not languages or block.language in languages]


def commands(page: Path, program: str) -> list[str]:
    """Return the command lines of a page that begin with a program and are run by the tests."""
    lines = [line for block in blocks(page, "sh") if not block.title for line in block.lines]
    return [line for line in lines if line.startswith(program + " ")]


def steps(page: Path) -> list[Step]:
    """Return all that a reader can run on a page: lines of `sh` that begin with snnc or run its scripts, blocks of Python."""
    found: list[Step] = []
    for block in blocks(page):
        if block.title == OUTPUT:
            found[-1] = Step(found[-1].language, found[-1].text, block.text)
        elif block.language == "python" and not block.title:
            found.append(Step("python", block.text))
        elif block.language == "sh" and not block.title:
            found += [Step("sh", line) for line in block.lines if line.startswith(("snnc ", "python run_"))]
    return found


def unrun(page: Path) -> list[str]:
    """Return the first lines of the blocks that a page marks as not run."""
    return [block.text.splitlines()[0] for block in blocks(page) if block.title.startswith(NOT_RUN)]


@dataclass
class PageRun:
    """A folder in which steps are run as a page prints them; `outputs` has what those of README printed.

    `threads` are those of torch, None for all: where others use the machine too, several wait for each other.
    """

    folder: Path
    threads: int | None = None
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, step: Step | str) -> str:
        """Run a step, or a command line, and return what it printed; fail the test unless its exit status is the one said."""
        step = Step("sh", step) if isinstance(step, str) else step
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path} | ({"OMP_NUM_THREADS": str(self.threads)} if self.threads else {})
        command = [sys.executable, "-c", step.text] if step.language == "python" else ["/bin/sh", "-c", step.text]
        result = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=1800, check=False
        )
        assert result.returncode == step.status, f"{step.text}\n{result.stdout}{result.stderr}"
        return result.stdout


def run_once(page: Path, folder: Path) -> PageRun:
    """Run all of a page in a folder, once for all processes that share it: others wait, and fail at once if it failed."""
    folder.mkdir(exist_ok=True)
    started, printed = folder / "started", folder / "printed.json"
    with claimed(printed, wait=True):
        if printed.exists():
            return PageRun(folder, outputs=json.loads(printed.read_text(encoding="utf-8")))
        assert not started.exists(), f"{page.name} did not run to its end in another process of these tests, which says why"
        started.touch()
        run = PageRun(folder)
        for step in steps(page):
            run.outputs[step.text] = run.run(step)
        printed.write_text(json.dumps(run.outputs), encoding="utf-8")
    return run
