"""Writes LICENSES.md: the licenses of all that snnc can be installed with, as the installed packages state them.

Run it where `make dev` installed everything: python requirements/licenses.py
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COPYLEFT = re.compile(r"gpl|gnu|mpl|mozilla", re.IGNORECASE)
# Whose metadata names no license, or only in the words of a classifier; read from the files that these packages carry.
READ = {
    "aedat": "MIT",
    "expelliarmus": "GPL, the text of version 2",
    "hdf5plugin": "MIT; its filters have licenses of their own",
    "importrosbag": "GPL-3.0-or-later",
    "matplotlib": "matplotlib's own, based on PSF",
    "nir": "BSD-3-Clause",
    "neurobench": "Apache-2.0",
    "norse": "LGPL-3.0",
    "spikingjelly": "Apache-2.0",
}

INTRODUCTION = """# Licenses of what snnc is installed with

Made by `python requirements/licenses.py`; a test compares. snnc itself is BSD-3-Clause, and so are its sdist and its wheels:
they hold none of these packages. The handwritten digits in the package are CC BY 4.0 (toolchain/data/digits.py).

"""
STRICT = """
tonic, of the extra `events`, is GPL-3.0-only, and two packages that it brings along are under the GPL too: who distributes snnc
together with them distributes the whole under the GPL's terms. No other extra has such a package; snnc works without it.

## Copyleft licenses among the packages that those bring along

"""


def direct() -> dict[str, list[str]]:
    """Return what is installed, by the purpose it is installed for."""
    rows = {"snnc": PROJECT["dependencies"]}
    rows |= {f"extra `{name}`": required for name, required in PROJECT["optional-dependencies"].items()}
    rows |= {f"requirements/{name}": pinned(HERE / name) for name in ("lava.txt", "peers.txt")}
    return {purpose: [name_of(each) for each in required] for purpose, required in rows.items()}


def pinned(path: Path) -> list[str]:
    """Return the requirements in a file."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def name_of(requirement: str) -> str:
    """Return the name of a package in a requirement."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def found(name: str) -> Distribution | None:
    """Return an installed package."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def license_of(name: str) -> str:
    """Return the license that a package states: an expression, a short text, or a classifier."""
    package = found(name)
    if package is None or name in READ:
        return READ.get(name, "not installed here")
    (stated, *_) = [each for key in ("License-Expression", "License") for each in package.metadata.get_all(key) or []] or [""]
    classifiers = [
        each.split(" :: ")[-1] for each in package.metadata.get_all("Classifier") or [] if each.startswith("License")
    ]
    short = "" if "\n" in stated or len(stated) > 120 else stated
    return short or ", ".join(each.removesuffix(" License") for each in classifiers) or "not stated"


def brought(name: str) -> set[str]:
    """Return the names of all installed packages that a package brings along, without its own extras."""
    names, waiting = set[str](), [name]
    while waiting:
        package = found(waiting.pop())
        required = [each for each in (package.requires or [] if package else []) if "extra ==" not in each]
        more = {name_of(each) for each in required if found(name_of(each))} - names
        names |= more
        waiting += more
    return names


def copyleft() -> dict[str, set[str]]:
    """Return the packages under a copyleft license that others bring along, and which packages of ours do so."""
    ours = {name for names in direct().values() for name in names}
    rows: dict[str, set[str]] = {}
    for owner in sorted(ours):
        for name in brought(owner) - ours:
            if COPYLEFT.search(license_of(name)):
                rows.setdefault(name, set()).add(owner)
    return rows


def lines() -> Iterator[str]:
    """Yield the rows of the first table."""
    for purpose, names in direct().items():
        for name in names:
            yield f"| {purpose} | {name} | {license_of(name)} |"


def text() -> str:
    """Return the whole file."""
    first = ["| installed for | package | license |", "|---|---|---|", *lines()]
    rows = [f"| {name} | {license_of(name)} | {', '.join(sorted(owners))} |" for name, owners in sorted(copyleft().items())]
    second = ["| package | license | brought along by |", "|---|---|---|", *rows]
    return INTRODUCTION + "\n".join(first) + "\n" + STRICT + "\n".join(second) + "\n"


if __name__ == "__main__":
    (HERE / "LICENSES.md").write_text(text(), encoding="utf-8")
