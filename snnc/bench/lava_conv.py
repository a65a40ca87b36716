"""Times Lava's own convolution, in an interpreter of its own, on a few output channels of each layer.

Lava's CPU simulator convolves channel by channel in Python, so a layer takes as many times longer as it has more channels.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.export.lava.import_fixes import INSTALL, installed, modern_python
from snnc.toolchain.errors import EngineError
from snnc.toolchain.network.synapse import Conv

TIME_LIMIT = 300.0  # seconds, for all layers together


@dataclass(frozen=True, eq=False)
class Timing:
    """What Lava took for one step of a convolution with the given channels, and the sums `(out, H', W')` that it gave."""

    seconds: float
    sums: NDArray[np.int64]


def time_convolutions(synapses: Sequence[Conv], sources: Sequence[NDArray[np.integer]]) -> list[Timing]:
    """Run each convolution once on its source `(C, H, W)`.

    Raises EngineError if Lava is missing, fails, or takes more than TIME_LIMIT.
    """
    if not installed():
        raise EngineError(f"Lava is not installed; get it with: {INSTALL}")
    with tempfile.TemporaryDirectory(prefix="snnc-lava-conv-") as name:
        folder = Path(name)
        for index, (synapse, source) in enumerate(zip(synapses, sources, strict=True)):
            geometry = np.array([synapse.stride, synapse.padding])
            np.savez(folder / f"job{index}.npz", source=source, weight=synapse.weight, geometry=geometry)
        command = [sys.executable, "-P", "-m", "snnc.bench.lava_conv", name]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=TIME_LIMIT, text=True)
        except subprocess.TimeoutExpired:
            raise EngineError(f"Lava's convolutions took more than {TIME_LIMIT:g} s; run the benchmark without Lava") from None
        except subprocess.CalledProcessError as error:
            reason = (error.stderr.strip().splitlines() or ["no message"])[-1]
            raise EngineError(f"Lava's convolution failed: {reason}") from None
        return [_read(folder / f"timing{index}.npz") for index in range(len(synapses))]


def _read(path: Path) -> Timing:
    with np.load(path) as stored:
        return Timing(float(stored["seconds"]), stored["sums"])


def main(folder: Path) -> None:
    """Do all jobs of the folder."""
    with modern_python():
        from lava.proc.conv.utils import conv_scipy

    for path in sorted(folder.glob("job*.npz")):
        with np.load(path) as job:
            source, weight, (stride, padding) = job["source"], job["weight"], job["geometry"].tolist()
        # Lava convolves, PyTorch correlates; Lava's axes are W,H,C.
        flipped = weight.astype(np.int32)[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
        image = source.transpose(2, 1, 0).astype(np.int32)
        kernel, pairs = flipped.shape[1:3], (tuple(stride[::-1]), tuple(padding[::-1]))
        started = time.perf_counter()
        sums = conv_scipy(image, flipped, kernel, *pairs, (1, 1), 1)
        seconds = time.perf_counter() - started
        result = folder / path.name.replace("job", "timing")
        np.savez(result, seconds=seconds, sums=np.asarray(sums, np.int64).transpose(2, 1, 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
