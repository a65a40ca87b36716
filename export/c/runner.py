"""C source as an engine: compiled by this machine's compiler, run in a process of its own, every step recorded.

What is compiled is what snnc writes for the network that was read: a header that holds anything else was refused before.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.export.c.compiler import FLAGS, MISSING, compiler
from snnc.export.c.file import checked, content
from snnc.export.c.layout import channels_first
from snnc.export.c.source import input_type, output_bits, slots, spike_bytes
from snnc.export.c.violations import COptions
from snnc.toolchain.errors import EngineError, one_line
from snnc.toolchain.network.grid import as_chw
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.simulate.trace import Trace

RECORDER = Path(__file__).with_name("recorder.c")
TIME_LIMIT = 3600  # seconds
Frames = NDArray[np.integer]


def run_c(
    network: Network, frames: Frames, *, file: Path | None = None, command: Sequence[str] = (), flags: Sequence[str] = ()
) -> Trace:
    """Compile the network, run frames `(F, B, ...)` of chip values, and return the trace.

    `file` is a header that holds the network; without one it is made on the fly. `command` is a compiler other than this
    machine's, `flags` are given to it besides FLAGS. Raises EngineError if there is no compiler, or it or the program fails,
    FileFormatError if the file is not what snnc writes.
    """
    command = command or compiler() or ()
    if not command:
        raise EngineError(f"engine 'c': {MISSING}")
    header = checked(file)[1] if file else content(network, COptions("network"))
    prefix = _prefix_of(header)
    with tempfile.TemporaryDirectory(prefix="snnc-c-") as name:
        folder = Path(name)
        (folder / "network.h").write_bytes(header)
        (folder / "recorder.c").write_text(RECORDER.read_text(encoding="ascii").replace("PREFIX", prefix), encoding="ascii")
        program = folder / "recorder"
        _call("the compiler", [*command, *FLAGS, *flags, "recorder.c", "-o", str(program)], folder)
        raw = frames.swapaxes(0, 1) + network.input.zero_point
        np.ascontiguousarray(raw, np.dtype(input_type(network).removesuffix("_t"))).tofile(folder / "frames")
        _call("the program", [str(program), "frames", "trace", str(frames.shape[1]), str(frames.shape[0])], folder)
        return _trace(network, (folder / "trace").read_bytes(), frames.shape[1])


def _prefix_of(header: bytes) -> str:
    return header.split(b"\n", 2)[1].split(b":", 1)[0].removeprefix(b" * ").decode("ascii")


def _call(what: str, command: list[str], folder: Path) -> None:
    remedy = "run fewer samples, or name another compiler with CC"
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=TIME_LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"engine 'c': {what} cannot be run: {one_line(error)}; {remedy}") from None
    if ended.returncode:
        said = " ".join(ended.stderr.decode(errors="replace").split())[:300] or "no message"
        raise EngineError(f"engine 'c': {what} ended with status {ended.returncode}: {said}; {remedy}")


def _trace(network: Network, recorded: bytes, samples: int) -> Trace:
    """Return the trace of what the recorder wrote: per step all membranes and kept spikes, per sample the outputs."""
    steps, layers = network.timesteps, network.layers
    neurons = sum(layer.neurons for layer in layers)
    kept = sum(spike_bytes(layer) * slots(network, layer.name) for layer in layers)
    outputs = layers[-1].neurons * output_bits(network) // 8
    rows = np.frombuffer(recorded, np.uint8).reshape(samples, steps * (4 * neurons + kept) + outputs)
    states = rows[:, : rows.shape[1] - outputs].reshape(samples, steps, 4 * neurons + kept).swapaxes(0, 1)
    values = np.ascontiguousarray(states[..., : 4 * neurons]).view(np.int32)
    spikes, membranes, neuron, byte = {}, {}, 0, 4 * neurons
    for layer in layers:
        size, depth = spike_bytes(layer), slots(network, layer.name)
        own = np.stack([states[t, :, byte + t % depth * size :][:, :size] for t in range(steps)])
        spikes[layer.name] = _unpacked(own, layer)
        flat = values[..., neuron : neuron + layer.neurons]
        membranes[layer.name] = np.ascontiguousarray(channels_first(flat, layer.output_shape))
        neuron, byte = neuron + layer.neurons, byte + size * depth
    trace = Trace("c", spikes, membranes)
    kind = np.dtype(f"int{output_bits(network)}")
    counted = np.ascontiguousarray(rows[:, rows.shape[1] - outputs :]).view(kind)
    if not np.array_equal(counted, trace.outputs(network)):
        raise EngineError("engine 'c': the outputs of the program are not those of its own spikes and membranes; report it")
    return trace


def _unpacked(stored: NDArray[np.uint8], layer: Layer) -> NDArray[np.bool_]:
    channels, height, width = as_chw(layer.output_shape)
    rows = stored.reshape(*stored.shape[:2], height, width, -1)
    bits = np.unpackbits(rows, axis=-1, count=channels, bitorder="little").astype(bool)
    return np.ascontiguousarray(np.moveaxis(bits, -1, 2)).reshape(*stored.shape[:2], *layer.output_shape)
