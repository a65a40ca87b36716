"""The export targets, by name, and `export`, which writes one and reads it back.

A row of TARGETS is all that a format needs: every command, the engines and all errors go over the rows.
"""

import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from snnc.export.c import violations as c
from snnc.export.netx import companions
from snnc.export.netx import violations as netx
from snnc.export.nir import dialects
from snnc.export.nir import violations as nir
from snnc.export.onnx import violations as onnx
from snnc.export.target import Stated, Target, checked_options, loaded
from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, FileFormatError, UnstatedTimesteps, row
from snnc.toolchain.network.folding import fold_parallel
from snnc.toolchain.network.network import Network

TARGETS: dict[str, Target] = {
    "loihi2": Target(  # Loihi 2 and Lava: HDF5 for lava.lib.dl.netx
        suffix=".net",
        check=netx.check,
        content=loaded("netx.file", "content", ""),
        read=loaded("netx.file", "read_netx", ""),
        describe=netx.describe,
        options=companions.NetxOptions,
        remark=netx.remark,
        prepare=fold_parallel,
        engines=("netx",),
        companions=companions.companions,
        bias_exponents=(netx.BIAS_EXPONENT,),
        adopt=loaded("netx.file", "adopt_netx", ""),
    ),
    "nir": Target(
        suffix=".nir",
        check=nir.check,
        content=loaded("nir.file", "content", "nir"),
        read=loaded("nir.file", "read_nir", "nir"),
        describe=loaded("nir.file", "describe", "nir"),
        options=dialects.NirOptions,
        remark=dialects.remark,
        engines=("nir",),
        extra="nir",
        variants={dialect: dialects.NirOptions(dialect) for dialect in dialects.DIALECTS},
    ),
    "onnx": Target(
        suffix=".onnx",
        check=onnx.check,
        content=loaded("onnx.file", "content", "onnx"),
        read=loaded("onnx.file", "read_onnx", "onnx"),
        describe=loaded("onnx.file", "describe", "onnx"),
        options=onnx.OnnxOptions,
        engines=("onnx",),
        extra="onnx",
    ),
    "c": Target(  # C99 for microcontrollers and soft cores
        suffix=".h",
        check=c.check,
        content=loaded("c.file", "content", ""),
        read=loaded("c.file", "read_c", ""),
        describe=loaded("c.file", "describe", ""),
        options=c.COptions,
        remark=loaded("c.file", "remark", ""),
        engines=("c",),
    ),
}


def export(network: Network, target: str, path: str | Path, samples: ArrayLike | None = None, **options: Any) -> Path:
    """Write the network for a target, read it back, and return the file.

    Args:
        network: the integer network.
        target: a row of TARGETS: `loihi2`, `nir`, `onnx`, `c`.
        path: the file to write; it ends in the target's suffix.
        samples: what a target runs to write expected spikes beside its file (`script` of `loihi2`): integers for the chip,
            `(B, ...)` or `(T, B, ...)`, as `chip_input` returns them.
        options: the target's own options, such as `dialect="norse"` of `nir`.

    Raises:
        ConfigError: for an unknown target, another suffix, options that the target does not have, or samples where it takes
            none or needs some.
        CannotExport: where the target cannot hold the network.
        NetworkError: if a sum could overflow or a membrane read-out spike.
        FileFormatError: if what was read back is not the same network, or not the one that `Target.prepare` made of it.
        SnncError: if the file cannot be written.

    Example:
        >>> import snnc
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> snnc.export(network, "loihi2", "example.net").name
        'example.net'
        >>> snnc.read_network("example.net") == network
        True
    """
    chosen, file = row(TARGETS, target, "target"), Path(path)
    if file.suffix != chosen.suffix:
        raise ConfigError(
            f"output {str(path)!r} must end in {chosen.suffix} for target {target!r}; all commands know files by that"
        )
    settings = options_for(target, options)
    if chosen.takes_samples(settings) and samples is None:
        raise ConfigError(f"target {target!r} writes expected spikes with these options; give it samples")
    if samples is not None and not chosen.takes_samples(settings):
        raise ConfigError(f"target {target!r} takes samples only for expected spikes, as those of --script of 'loihi2'")
    beside = chosen.beside(network, file, settings, np.asarray([] if samples is None else samples))
    chosen.write(network, file, settings)
    if chosen.read(file) != chosen.prepare(network):
        raise FileFormatError(f"{file}: reading it back gave another network; the disk may be faulty, export it again")
    for other, content in beside.items():
        write_atomically(other, content)
    return file


def options_for(target: str, values: Mapping[str, Any]) -> Any:
    """Return the options of a target. Raises ConfigError for one that it does not have, or a value that is not allowed."""
    chosen = row(TARGETS, target, "target")
    for name in values:
        if name not in _names(chosen):
            owners = [other for other, each in TARGETS.items() if name in _names(each)]
            raise ConfigError(f"target {target!r} has no --{name}; it belongs to {', '.join(owners) or 'no target'}")
    return checked_options(chosen.options, values)


def read_network(path: str | Path, *, stated: Stated | None = None) -> Network:
    """Read a network from any file that snnc exports, by its suffix, or from a `.net` file that lava-dl wrote.

    Args:
        path: the file.
        stated: what a file of lava-dl does not say, such as `snnc.Stated(timesteps=20)`.

    Raises:
        UnstatedTimesteps: for a file of lava-dl, without `stated`.
        FileFormatError: if the file is damaged, was edited, or holds what no network can.
        ConfigError: if the library of its format is not installed, or `stated` is not what the file says.

    Example:
        >>> import snnc  # doctest: +SKIP
        >>> print(snnc.read_network("model.net"))  # doctest: +SKIP
    """
    if Path(path).suffix == ".pt":
        raise FileFormatError(f"{path}: a checkpoint, no exported network; open it with snnc.load_model and snnc.lower")
    target = TARGETS[target_of(path, ".pt")]
    try:
        network = target.read(path)
    except UnstatedTimesteps:
        if stated is None or target.adopt is None:
            raise
        return target.adopt(path, stated)
    if stated and stated.timesteps != network.timesteps:
        raise ConfigError(f"{path}: it says {network.timesteps} time steps, not {stated.timesteps}; leave --timesteps out")
    return network


def target_of(path: str | Path, *others: str) -> str:
    """Return the target whose suffix a file has. Raises FileFormatError, naming all suffixes and `others`, if none has it."""
    for name, each in TARGETS.items():
        if Path(path).suffix == each.suffix:
            return name
    known = ", ".join([*others, *(each.suffix for each in TARGETS.values())])
    member = "; of the manifest of a committee, name the file of one member" if Path(path).suffix == ".json" else ""
    raise FileFormatError(f"{path}: unknown suffix {Path(path).suffix!r}; allowed are {known}{member}")


def _names(target: Target) -> list[str]:
    return [each.name for each in fields(target.options)]


class _CallableModule(ModuleType):
    """This package as a function: `snnc.export(network, "loihi2", "model.net")` calls `export`.

    `snnc.export` is the name of both, and a module is called as its class says.
    """

    def __call__(
        self, network: Network, target: str, path: str | Path, samples: ArrayLike | None = None, **options: Any
    ) -> Path:
        return export(network, target, path, samples, **options)


sys.modules[__name__].__class__ = _CallableModule
