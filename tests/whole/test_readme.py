"""README is short, and names what exists; test_pages.py runs its commands and code."""

import re
from pathlib import Path

from pages import README, ROOT, blocks, commands, text_of, unrun


def test_it_is_short() -> None:
    assert len(text_of(README).splitlines()) <= 130
    (code,) = blocks(README, "python")
    assert len([line for line in code.text.splitlines() if line.strip()]) <= 10


def test_there_is_something_to_run() -> None:
    assert commands(README, "make") == [line for line in blocks(README, "sh")[0].text.splitlines() if line]
    assert [line.split()[1] for line in commands(README, "make")] == ["demo", "test"]
    assert len(commands(README, "snnc")) >= 6
    assert unrun(README) == []


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z]+)[`\s]", text_of(README)))
    assert {"demo", "test", "docs"} <= named <= targets


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as mkdocs and GitHub make them of plain words."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-") for heading in headings}


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)(?:#([^)]+))?\)", text_of(README))
    assert len(links) >= 15
    for name, anchor in links:
        assert (ROOT / name).exists(), name
        assert not anchor or anchor in anchors(ROOT / name), f"{name}#{anchor}"
