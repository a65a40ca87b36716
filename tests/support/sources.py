"""All Python sources of the package, and their names, for tests that hold of each."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("toolchain", "models", "export", "snnc")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if not any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(ROOT))
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
