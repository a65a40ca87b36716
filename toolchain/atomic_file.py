"""Files that are either complete or not there: written beside their place, then renamed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snnc.toolchain.errors import SnncError


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file whole, or leave what was there. Raises SnncError if the folder cannot be written or the disk is full."""
    target = Path(path)
    with _beside(target) as temporary:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, target)


def check_writable(path: str | Path) -> None:
    """Raise SnncError if a file could not be written there; leave what is there as it is."""
    if Path(path).is_dir():
        raise SnncError(f"{path}: cannot be written: it is a folder; name a file")
    with _beside(Path(path)):
        pass


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        temporary = Path(name)
        yield temporary
    except OSError as error:
        raise SnncError(
            f"{target}: cannot be written: {error.strerror or error}; check the folder and the free space"
        ) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
