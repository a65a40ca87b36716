"""Makes lava-nc 0.10.0 and lava-dl 0.6.0 run on Python 3.11 to 3.13 and numpy 2, without changing a file of theirs.

Only Lava's own process and the recorder of the golden vectors call this.
"""

import dataclasses
import multiprocessing
import multiprocessing.shared_memory
import sys
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from snnc.toolchain.errors import install_command

PACKAGES = {"lava-nc": "0.10.0", "lava-dl": "0.6.0"}  # as in requirements/lava.txt
INSTALL = (
    "pip install --no-deps --ignore-requires-python "
    + " ".join(f"{name}=={tested}" for name, tested in PACKAGES.items())
    + f" && {install_command('lava', clone='make dev')}"
)


def installed() -> bool:
    """Tell whether lava-nc and lava-dl are installed, without importing them; a folder named lava is not enough."""
    try:
        return all(version(name) for name in PACKAGES)
    except PackageNotFoundError:
        return False


@contextmanager
def modern_python() -> Iterator[None]:
    """While open, dataclasses of modules `lava.*` get a hash, so that they may serve as defaults of other dataclasses.

    Python 3.11 refuses unhashable defaults; lava-nc 0.10.0 has some. Import everything needed from `lava` inside.
    """
    original = dataclasses.dataclass

    def dataclass(cls: Any = None, /, **options: Any) -> Any:
        def decorate(decorated: Any) -> Any:
            is_bare = "eq" not in options and "unsafe_hash" not in options and "__hash__" not in vars(decorated)
            if decorated.__module__.startswith("lava.") and is_bare:
                return original(decorated, unsafe_hash=True, **options)
            return original(decorated, **options)

        return decorate if cls is None else decorate(cls)

    dataclasses.dataclass = dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = original


def skip_slayer() -> None:
    """Let `lava.lib.dl.netx` be imported without torchvision and cv2, which lava.lib.dl.slayer needs for object detection only.

    An empty package stands in for slayer's `__init__`; its submodules (netx needs slayer.neuron) are still found.
    """
    import lava.lib.dl

    package = types.ModuleType("lava.lib.dl.slayer")
    package.__path__ = [str(Path(folder) / "slayer") for folder in lava.lib.dl.__path__]
    sys.modules["lava.lib.dl.slayer"] = package


def widen_conv_geometry() -> None:
    """Let Lava's `Conv` have 128 channels or more on numpy 2.

    The process keeps groups, stride and padding as int8, and computes `channels % groups` with them. Numpy 1 widened the
    result; numpy 2 raises OverflowError. The wrapped function gets the same numbers as plain ints.
    """
    from lava.proc.conv import utils

    original = utils.conv_scipy

    def conv_scipy(source: Any, weight: Any, *geometry: Any) -> Any:
        *pairs, groups = geometry
        return original(source, weight, *(tuple(int(size) for size in pair) for pair in pairs), int(groups))

    utils.conv_scipy = conv_scipy


def print_failures() -> None:
    """Print the traceback of every Lava process that fails, when it fails.

    Lava keeps it in a pipe that it reads only after all other processes have ended, and those wait for ever for the failed one.
    """
    from lava.magma.runtime import runtime

    original = runtime.target_fn

    def loud(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except Exception:
            traceback.print_exc()
            raise

    runtime.target_fn = loud


def mark_temporaries(prefix: str) -> None:
    """Let the names of all shared memory that this process and its forks make begin with a prefix, and sockets lie in the cwd.

    By default the names are random (`psm_...`, `mp-...`) and the socket has a folder of its own (`pymp-...`), so that nobody
    can tell whose they are once a run was killed. A Python that has not these settings keeps its names.
    """
    settings: dict[str, Any] = getattr(multiprocessing.current_process(), "_config", {})
    settings["tempdir"] = "."
    if not sys.platform.startswith("linux"):
        return  # elsewhere names must be shorter, and segments cannot be listed by name
    settings["semprefix"] = f"/{prefix}".rstrip("-")  # multiprocessing puts a "-" behind it
    shared: Any = multiprocessing.shared_memory
    if hasattr(shared, "_SHM_NAME_PREFIX") and hasattr(shared, "_SHM_SAFE_NAME_LENGTH"):
        shared._SHM_NAME_PREFIX = f"/{prefix}"
        shared._SHM_SAFE_NAME_LENGTH = len(f"/{prefix}") + 12
