"""Files of lava-dl, which do not say the time steps of a sample: asked for once, kept in what is exported, and remembered.

What was stated for a file is noted under its digest in `$XDG_STATE_HOME/snnc` (`~/.local/state/snnc`), so that later
commands know it; a file that was changed since is another file.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.export import TARGETS, export, read_network, target_of
from snnc.export.target import Stated
from snnc.toolchain import failure_log
from snnc.toolchain.errors import ConfigError, DataError, FileFormatError, UnstatedTimesteps
from snnc.toolchain.network.network import Network
from snnc.toolchain.output_file import check_output

CHECKPOINT = ".pt"
RANDOM_SAMPLES = 16  # where no data is named


def open_network(
    path: str | Path,
    timesteps: int | None = None,
    input_range: tuple[int, int] | None = None,
    entries: int | None = None,
    *,
    remember: bool = True,
) -> Network:
    """Read a network from a file of snnc, or of lava-dl with what was stated now or, without `timesteps`, before.

    Raises UnstatedTimesteps for a file of lava-dl of which nothing was stated yet, and all that `snnc.read_network` raises.
    """
    stated = Stated(timesteps, input_range, entries) if timesteps else None
    try:
        return _remembered(path, stated) if stated and remember else read_network(path, stated=stated)
    except UnstatedTimesteps:
        before = recalled(path)
        if before is None:
            raise
        return read_network(path, stated=Stated(before.timesteps, input_range or before.input_range, entries or before.entries))


def is_adopted(path: str | Path) -> bool:
    """Tell whether a file has the suffix of a format in which others write networks of integers."""
    return any(target.adopt and target.suffix == Path(path).suffix for target in TARGETS.values())


def check_stated(stated: Mapping[str, Any], paths: Sequence[str | Path]) -> None:
    """Raise ConfigError for what was stated, where no file is one of which anything is to be stated."""
    named = [f"--{name.replace('_', '-')}" for name, value in stated.items() if value is not None]
    if named and not any(is_adopted(path) for path in paths):
        raise ConfigError(
            f"{paths[0]}: it says itself what {' and '.join(named)} would state of a file of lava-dl; leave that out"
        )


def adopt_file(
    file: str | Path, output: str | Path, timesteps: int | None, input_range: tuple[int, int] | None = None
) -> Network:
    """Write what a file of lava-dl holds in a format of snnc, and read it back. Raises as `open_network` and `export` do."""
    target = target_of(output)
    check_output(output, inputs=[file])
    network = open_network(file, timesteps, input_range)
    export(network, target, output)
    return network


def recalled(path: str | Path) -> Stated | None:
    """Return what was stated for a file before, if anything was."""
    with suppress(OSError, ValueError, TypeError, KeyError, RuntimeError):
        values = json.loads((failure_log.folder() / _note(path)).read_text(encoding="utf-8"))
        limits = values["input_range"]
        entries = values["entries"] and int(values["entries"])
        return Stated(int(values["timesteps"]), limits and (int(limits[0]), int(limits[1])), entries)
    return None


def random_samples(network: Network, count: int = RANDOM_SAMPLES, seed: int = 0) -> NDArray[np.int64]:
    """Draw random inputs for a network, each value of its range as likely as any other.

    Args:
        network: the integer network that is to take them.
        count: how many samples.
        seed: equal seeds draw equal samples.

    Returns:
        Chip values `(T, count, *input.shape)`, time first, a new frame for each step. More samples begin with fewer.

    Raises:
        DataError: for fewer than one sample.

    Example:
        >>> import snnc
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> snnc.random_samples(network, 4, seed=1).shape
        (3, 4, 2)
    """
    if count < 1:
        raise DataError(f"{count} random samples were asked for; allowed are 1 and more")
    low, high = network.input.minimum, network.input.maximum + 1
    shape = (count, network.timesteps, *network.input.shape)
    return np.random.default_rng(seed).integers(low, high, shape).swapaxes(0, 1)


def _remembered(path: str | Path, stated: Stated) -> Network:
    network = read_network(path, stated=stated)
    failure_log.keep(_note(path), json.dumps(asdict(stated)).encode())
    return network


def _note(path: str | Path) -> str:
    try:
        return f"stated-{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:32]}.json"
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror or error})") from None
