"""Which C sources the kernels are made of. Imports nothing of ours: setup.py runs this file by itself."""

from hashlib import sha256
from pathlib import Path


def digest(folder: Path) -> str | None:
    """Return a number of all C sources in a folder, or None where there are none, as in an installed wheel."""
    files = sorted([*folder.glob("*.c"), *folder.glob("*.h")])
    content = sha256()
    for path in files:
        content.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return content.hexdigest()[:16] if files else None


def option(folder: Path) -> str:
    """Return the option of a compiler that writes the digest into a kernel, where library.py finds it."""
    return f'-DSOURCES_DIGEST="{digest(folder)}"'
