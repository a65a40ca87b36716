"""The export targets, by name; add a row to TARGETS to add one."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from snnc.export.netx.file import read_netx, write_netx
from snnc.toolchain.errors import ConfigError, FileFormatError
from snnc.toolchain.network.network import Network


@dataclass(frozen=True)
class Target:
    """One export format: its file suffix, how to write it and read it back, and the options that writing takes."""

    suffix: str
    write: Callable[..., None]  # (network, path, **options)
    read: Callable[[str | Path], Network]
    options: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    violations: Any = lambda network, options: []


def _from(module: str, function: str, extra: str) -> Callable[..., Any]:
    """Return a function of a module of ours that needs an optional library, loaded when it is called."""

    def call(*arguments: Any, **options: Any) -> Any:
        try:
            loaded = import_module(f"snnc.export.{module}")
        except ModuleNotFoundError as error:
            raise ConfigError(f"{error.name} is not installed; get it with: pip install 'snnc[{extra}]'") from None
        return getattr(loaded, function)(*arguments, **options)

    return call


TARGETS: dict[str, Target] = {
    "loihi2": Target(".net", write_netx, read_netx, engines=("netx",)),  # Loihi 2 and Lava: HDF5 for lava.lib.dl.netx
    "nir": Target(".nir", _from("nir.file", "write_nir", "nir"), _from("nir.file", "read_nir", "nir"), ("dialect",)),
    "onnx": Target(
        ".onnx", _from("onnx.file", "write_onnx", "onnx"), _from("onnx.file", "read_onnx", "onnx"), ("timed", "traces")
    ),
}


def read_network(path: str | Path) -> Network:
    """Read a network from any file that snnc exports, by its suffix.

    Raises FileFormatError, and ConfigError if the library of a format is not installed.
    """
    for target in TARGETS.values():
        if Path(path).suffix == target.suffix:
            return target.read(path)
    known = ", ".join(target.suffix for target in TARGETS.values())
    raise FileFormatError(f"{path}: unknown suffix {Path(path).suffix!r}; allowed are .pt, {known}")
