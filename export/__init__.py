"""The export targets, by name; add a row to TARGETS to add one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snnc.export.netx_file import read_netx, write_netx
from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network import Network


@dataclass(frozen=True)
class Target:
    """One export format: its file suffix, how to write it and how to read it back."""

    suffix: str
    write: Callable[[Network, str | Path], None]
    read: Callable[[str | Path], Network]


TARGETS: dict[str, Target] = {
    "loihi2": Target(".net", write_netx, read_netx),  # Loihi 2 and Lava: HDF5 for lava.lib.dl.netx
}


def read_network(path: str | Path) -> Network:
    """Read a network from any file that snnc exports, by its suffix. Raises FileFormatError."""
    for target in TARGETS.values():
        if Path(path).suffix == target.suffix:
            return target.read(path)
    known = ", ".join(target.suffix for target in TARGETS.values())
    raise FileFormatError(f"{path}: unknown suffix {Path(path).suffix!r}; allowed are .pt, {known}")
