"""The files around the code: extras that messages name, licenses, the citation, hooks and issue forms."""

import ast
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snnc.export import TARGETS
from snnc.toolchain.errors import install_command

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SOURCES = [path for folder in ("toolchain", "models", "export", "snnc") for path in (ROOT / folder).rglob("*.py")]
NAMING = {"install_command": 0, "_absent": 0, "loaded": 2, "with_extra": 1}  # functions that take an extra, and which argument
PAPERS = ("2409.15849", "2508.12609", "2012.08300")


def parsed(name: str) -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def extras_named() -> Iterator[tuple[str, str]]:
    """Yield each extra that a call names, with its place."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            position = NAMING.get(node.func.id) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            if isinstance(node, ast.Call) and position is not None and len(node.args) > position:
                argument = node.args[position]
                if isinstance(argument, ast.Constant) and argument.value:
                    yield str(argument.value), f"{path.relative_to(ROOT)}:{node.lineno}"


def test_each_extra_that_messages_name_exists() -> None:
    named = [*extras_named(), *((row.extra, name) for name, row in TARGETS.items() if row.extra)]
    assert {extra for extra, _ in named} >= {"nir", "onnx", "lava", "vision", "events", "scale", "log"}
    assert not [(extra, place) for extra, place in named if extra not in EXTRAS]


def test_messages_are_made_in_one_place() -> None:
    homes = {path.name for path in SOURCES if re.search(r"pip install '?snnc|snnc\[", path.read_text(encoding="utf-8"))}
    assert homes == {"errors.py"}
    for extra in ("", *EXTRAS):
        released, clone = install_command(extra).removesuffix(")").split(" (from a clone: pip install -c ")
        assert released == f"pip install 'snnc[{extra}]'".replace("[]", "")
        file, option, what = clone.split()
        assert (ROOT / file).is_file() and option == "-e"
        assert what == f"'.[{extra}]'".replace("[]", "")


def test_scikit_learn_is_for_tests_alone() -> None:
    owners = {extra for extra, required in EXTRAS.items() if any(each.startswith("scikit-learn") for each in required)}
    assert owners == {"dev"}
    assert not any(each.startswith("scikit-learn") for each in PROJECT["dependencies"])


def test_the_licenses_are_those_of_what_is_installed() -> None:
    made = runpy.run_path(str(ROOT / "requirements" / "licenses.py"))
    missing = [name for names in made["direct"]().values() for name in names if made["found"](name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}: make dev")
    text = (ROOT / "requirements" / "LICENSES.md").read_text(encoding="utf-8")
    remedy = "run: python requirements/licenses.py"
    assert text.startswith(made["text"]().split("## Copyleft")[0]), remedy
    # What packages bring along changes from version to version: whatever is copyleft here must be listed.
    assert not [name for name in made["copyleft"]() if f"\n| {name} | " not in text], remedy
    assert "not stated" not in text and "not installed" not in text


def test_tonic_is_said_to_be_gpl_where_it_is_asked_for() -> None:
    assert "\n| extra `events` | tonic | GPL-3.0-only |\n" in (ROOT / "requirements" / "LICENSES.md").read_text(
        encoding="utf-8"
    )
    for name in ("pyproject.toml", "toolchain/data/events.py"):
        (line,) = [each for each in (ROOT / name).read_text(encoding="utf-8").splitlines() if "GPL-3.0-only" in each]
        assert "tonic" in line


def test_the_citation_names_the_tool_and_the_papers() -> None:
    citation = parsed("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()  # what the format's version 1.2.0 requires
    assert [citation[key] for key in ("title", "version", "license")] == [
        PROJECT[key] for key in ("name", "version", "license")
    ]
    assert citation["authors"] == PROJECT["authors"]
    assert [each["url"] for each in citation["references"]] == [f"https://arxiv.org/abs/{paper}" for paper in PAPERS]
    assert all({"type", "title", "authors", "year"} <= each.keys() for each in citation["references"])


def test_the_hooks_are_those_of_make_lint() -> None:
    (local,) = parsed(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    hooks = [each["entry"] for each in local["hooks"]]
    lint = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nlint:")[1].split("\n\n")[0]
    assert hooks == [line.strip().replace("$(BIN)", ".venv/bin") for line in lint.splitlines()[1:]]


def test_issue_forms_ask_for_the_version() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").iterdir())
    assert [path.name for path in forms] == ["bug.yml", "feature.yml", "file.yml"]
    for path in forms:
        form = parsed(str(path.relative_to(ROOT)))
        assert form.keys() == {"name", "description", "body"}
        fields = {each["id"]: each for each in form["body"]}
        assert path.stem == "feature" or fields["version"]["attributes"]["label"] == "Output of `snnc --version`"
    assert "last-error.txt" in (ROOT / "snnc" / "cli" / "options.py").read_text(encoding="utf-8")


def test_no_address_is_made_up() -> None:
    assert "urls" not in PROJECT
    assert PROJECT["authors"] == [{"name": "the snnc developers"}]
