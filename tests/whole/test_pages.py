"""The documentation: it builds strictly and offline, its blocks run, and what it says of the code is so."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages import OUTPUT, PAGES, README, ROOT, PageRun, blocks, run_once, steps, text_of, unrun

import snnc
from snnc.toolchain.training.config import TrainConfig

SITE = pytest.mark.skipif(not find_spec("mkdocs") and "CI" not in os.environ, reason="mkdocs is not installed: make dev")
RUNNABLE = [page for page in PAGES if steps(page)]
# All that a reader is shown and no test runs, each marked in its page. What is added here must need what no test machine has.
UNRUN = {
    "docs/index.md": ["snnc train --data digits"],  # README's commands, which its test runs
    "docs/loihi.md": [
        "pip install lava-nc==0.10.0 h5py",
        "snnc simulate network.net --recorded .",
        "python run_model.py --check --backend loihi2",
    ],
    "docs/own.md": [
        "snnc train --data path/to/images --image-size 32",
        "snnc train --data recordings --image-size 32 --timesteps 8",
        "python examples/07_snntorch_to_ternary.py",
    ],
    "docs/training.md": [
        "snnc train --preset cifar10-tna",
        "snnc train --resume model.pt",
        "snnc train --preset cifar10-tna --devices 4 --strategy ddp --precision bf16",
    ],
}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_there_are_pages() -> None:
    assert len(PAGES) >= 15
    assert len(RUNNABLE) >= 7


@SITE
def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    html = "\n".join(page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html"))
    assert 'id="snnc.verify"' in html  # griffe found the sources
    assert re.findall(r'<(?:script|img|iframe)[^>]*src="?http[^ >]*|<link[^>]*stylesheet[^>]*href="?http[^ >]*', html) == []


@pytest.mark.parametrize("page", [README, *PAGES], ids=named)
def test_every_block_says_what_it_is(page: Path) -> None:
    text = text_of(page)
    assert not re.search(r"^[ \t]+```", text, re.MULTILINE), "blocks are not indented, so that tests find them"
    assert text.count("\n```") == 2 * len(blocks(page)), "a fence is a language and perhaps a title"
    for block in blocks(page):
        assert block.language in ("", "sh", "python", "text", "toml")
        assert block.title in ("", OUTPUT) or block.language == "sh"
    assert unrun(page) == UNRUN.get(named(page), [])


def test_a_page_runs_once_and_fails_all_who_need_it(tmp_path: Path) -> None:
    page, block = tmp_path / "page.md", "```python\nopen('runs', 'a').write('x')\n{}\n```\n"
    page.write_text(block.format("print(1)"), encoding="utf-8")
    first, again = (run_once(page, tmp_path / "sound") for _ in range(2))
    assert list(first.outputs.values()) == ["1\n"] and again == first
    page.write_text(block.format("raise SystemExit(3)"), encoding="utf-8")
    for said in ("SystemExit", r"page\.md did not run to its end in another process"):
        with pytest.raises(AssertionError, match=said):
            run_once(page, tmp_path / "failing")
    assert [(tmp_path / name / "runs").read_text() for name in ("sound", "failing")] == ["x", "x"]


@pytest.mark.slow
@pytest.mark.lava
def test_every_command_and_the_code_of_readme_run_as_printed(readme_run: PageRun) -> None:
    assert list(readme_run.outputs) == [step.text for step in steps(README)]
    for command, output in readme_run.outputs.items():
        if "simulate" in command:
            assert "EQUAL: reference = " in output


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.peers
@pytest.mark.parametrize("page", RUNNABLE, ids=named)
def test_every_command_and_all_code_run_as_printed(page: Path, readme_run: PageRun, tmp_path: Path) -> None:
    if page.name != "index.md":  # it starts with nothing; the others with the files of README's commands
        for suffix in ("pt", "net", "nir", "onnx"):
            shutil.copy(readme_run.folder / f"model.{suffix}", tmp_path)
    run = PageRun(tmp_path, threads=1)
    for step in steps(page):
        printed = run.run(step)
        assert step.output in (None, printed), step.text


def test_settings_that_are_shown_are_settings() -> None:
    found = [block.text for page in PAGES for block in blocks(page, "toml")]
    assert found
    for text in found:
        assert TrainConfig.from_dict(tomllib.loads(text)).model == "mlp"


def test_tables_are_those_of_the_code() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "tables.py"))
    marked = [page for page in PAGES if "<!-- table: " in text_of(page)]
    assert marked
    for page in marked:
        assert script["filled"](text_of(page)) == text_of(page), "run: python docs/tables.py"


def test_figures_are_those_of_their_script() -> None:
    figures = runpy.run_path(str(ROOT / "docs" / "figures.py"))["FIGURES"]
    assert sorted(figures) == sorted(path.name for path in (ROOT / "docs").glob("*.svg"))
    for name, draw in figures.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == draw(), "run: python docs/figures.py"


def test_the_api_has_every_public_name() -> None:
    shown = re.findall(r"^::: snnc\.(\w+)(?:\.export)?$", "\n".join(map(text_of, PAGES)), re.MULTILINE)
    tables = {name for name in snnc.__all__ if name.isupper()}
    assert sorted(shown) == sorted(set(snnc.__all__) - tables)
    index = text_of(ROOT / "docs" / "api" / "index.md")
    assert all(f"`snnc.{name}`" in index for name in tables)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_that_is_named_exists(page: Path) -> None:
    folders = "toolchain|models|export|snnc|tests|examples|requirements|docs"
    for name in re.findall(rf"`((?:{folders})/[\w./-]*)`", text_of(page)):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    ("page", "table"), [("training", "METHODS"), ("own", "DATASETS"), ("path", "ENGINES"), ("formats", "TARGETS")]
)
def test_every_row_of_a_table_has_its_place(page: str, table: str) -> None:
    text = text_of(ROOT / "docs" / f"{page}.md")
    assert [name for name in getattr(snnc, table) if f"`{name}`" not in text] == []


def sources() -> str:
    """Return all text that our code can print: its literal strings, those of one expression joined."""
    texts: list[str] = []
    for folder in ("toolchain", "models", "export", "snnc"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    texts.append("".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(node.value)
    return "\n".join(texts)


def test_every_message_of_troubleshooting_is_one_of_ours() -> None:
    page = text_of(ROOT / "docs" / "troubleshooting.md")
    headings = re.findall(r"^### `(.+)`$", page, re.MULTILINE)
    assert len(headings) >= 20
    known = sources()
    for heading in headings:
        for part in heading.split("..."):
            assert part.strip() in known, heading
