"""Run a network that snnc exported in Lava: on this computer, bit for bit as Loihi 2 computes, or on the chip.

    python run_model.py --check                      # the samples of the export; exit 1 if anything differs
    python run_model.py --check --backend loihi2     # the same on a chip; needs Intel's lava-loihi
    python run_model.py --samples mine.npz           # your own samples: array `input`, integers (B, ...) or (T, B, ...)

It needs lava-nc 0.10.0, lava-dl 0.6.0, h5py and numpy, but neither snnc nor torch.
The output, recorded.npz, has spikes/LAYER (steps, C, H, W), v/LAYER where membranes were probed, offset/LAYER, timesteps and
samples: step t of sample b of a layer is at index b * timesteps + offset + t. `snnc simulate` compares it with --recorded.
"""

import argparse
import dataclasses
import json
import os
import shutil
import sys
import types
from pathlib import Path
from typing import Any

NETWORK = "model.net"
EXPECTED = "model.expected.npz"
HERE = Path(__file__).resolve().parent
INSTALL = (
    "on Python 3.10: pip install lava-nc==0.10.0 lava-dl==0.6.0 h5py; on 3.11 to 3.13 add --no-deps --ignore-requires-python"
)


def stop(problem: str) -> Any:
    """Say in one line what cannot be done, and end with status 2."""
    print(f"{Path(__file__).name}: {problem}", file=sys.stderr)
    sys.exit(2)


try:
    import h5py
    import numpy as np
except ImportError as error:
    stop(f"{error.name} is not installed; {INSTALL}")


def import_lava() -> Any:
    """Return what is needed of Lava, which was published for Python 3.10 and numpy 1, or stop."""
    if sys.version_info >= (3, 14) or tuple(map(int, np.__version__.split(".")[:2])) >= (2, 4):
        stop(f"Lava needs Python below 3.14 and numpy below 2.4; these are {sys.version.split()[0]} and {np.__version__}")
    original = dataclasses.dataclass

    def with_hash(cls: Any = None, **options: Any) -> Any:
        """Give Lava's dataclasses a hash: Python 3.11 refuses defaults without one."""
        if cls is None:
            return lambda decorated: with_hash(decorated, **options)
        bare = cls.__module__.startswith("lava.") and "eq" not in options and "__hash__" not in vars(cls)
        return original(cls, **options, **({"unsafe_hash": True} if bare else {}))

    dataclasses.dataclass = with_hash
    # netx imports these for other networks only; torch would take seconds, and must not run in a process of Lava.
    for name in ("torch", "lava.lib.dl.slayer", "lava.lib.dl.slayer.neuron", "lava.lib.dl.slayer.neuron.rf"):
        sys.modules[name] = types.ModuleType(name)
    vars(sys.modules["torch"]).update(tensor=type("Tensor", (), {}), Tensor=type("Tensor", (), {}))
    vars(sys.modules["lava.lib.dl.slayer.neuron.rf"])["neuron_params"] = None
    try:
        from lava.lib.dl.netx import hdf5
        from lava.magma.core import run_conditions, run_configs
        from lava.proc.conv import utils
        from lava.proc.io import sink, source
        from lava.proc.monitor.process import Monitor
    except ImportError as error:
        stop(f"{error.name} is not installed; {INSTALL}")
    dataclasses.dataclass = original
    convolve = utils.conv_scipy

    def with_plain_sizes(inputs: Any, weight: Any, *sizes: Any) -> Any:
        """Convolve with sizes that do not overflow: Lava keeps them in 8 bits, which numpy 2 takes seriously."""
        return convolve(inputs, weight, *([int(size) for size in pair] for pair in sizes[:-1]), int(sizes[-1]))

    utils.conv_scipy = with_plain_sizes
    steps, configs = run_conditions.RunSteps, run_configs
    rings = {"Source": source.RingBuffer, "Sink": sink.RingBuffer}
    return types.SimpleNamespace(Network=hdf5.Network, RunSteps=steps, configs=configs, Monitor=Monitor, **rings)


class Cpu:
    """Lava's simulator, whose models are bit-accurate."""

    def __init__(self, lava: Any) -> None:
        self.lava = lava
        self.probes: list[Any] = []

    def feed(self, source: Any, port: Any) -> None:
        """Connect the source of the samples to the network."""
        source.connect(port)

    def listen(self, port: Any, sink: Any) -> None:
        """Connect spikes to what records them."""
        port.connect(sink)

    def probe(self, variable: Any, steps: int) -> Any:
        """Record a variable in every step, and return a function that returns it as (steps, C, H, W) at the end."""
        monitor = self.lava.Monitor()
        monitor.probe(variable, steps)
        return lambda: np.moveaxis(next(iter(next(iter(monitor.get_data().values())).values())), 0, -1).T

    def config(self) -> Any:
        """Return how to run."""
        return self.lava.configs.Loihi2SimCfg(select_tag="fixed_pt")


class Chip(Cpu):
    """Loihi 2. The authors of snnc have no chip: this follows Intel's examples and has not been run."""

    def __init__(self, lava: Any) -> None:
        super().__init__(lava)
        from lava.utils import loihi

        if not loihi.is_installed():
            stop("--backend loihi2 needs lava-loihi, which members of Intel's research community get; use --backend cpu")
        from lava.proc.embedded_io import spike
        from lava.utils.loihi2_state_probes import StateProbe

        if "NXSDKHOST" in os.environ:  # a board of one's own
            loihi.use_ethernet_host(os.environ["NXSDKHOST"])
        elif shutil.which("sinfo"):
            loihi.use_slurm_host(partition=os.environ.get("PARTITION"))
        else:
            stop("no host with a chip: run this where SLURM is, with PARTITION, or set NXSDKHOST to a board's address")
        self.adapters, self.state_probe = spike, StateProbe

    def feed(self, source: Any, port: Any) -> None:
        """Connect the source through an adapter, which turns its frames into spikes on the chip."""
        kind = self.adapters.PyToN3ConvAdapter if len(port.shape) == 3 else self.adapters.PyToNxAdapter
        adapter = kind(shape=port.shape, num_message_bits=16)
        source.connect(adapter.inp)
        adapter.out.connect(port)

    def listen(self, port: Any, sink: Any) -> None:
        """Connect spikes through an adapter, which brings them back."""
        adapter = self.adapters.NxToPyAdapter(shape=port.shape)
        port.connect(adapter.inp)
        adapter.out.connect(sink)

    def probe(self, variable: Any, steps: int) -> Any:
        """Record a variable on the chip, which stops it after every step: slow, so probe little."""
        self.probes.append(probe := self.state_probe(variable))
        return lambda: np.reshape(probe.time_series, (*variable.shape, steps)).T

    def config(self) -> Any:
        """Return how to run."""
        return self.lava.configs.Loihi2HwCfg(select_tag="fixed_pt", callback_fxs=self.probes)


def load_network(path: Path) -> Any:
    """Return what snnc wrote into the file beside the network: time steps, names of layers, read-out, range of the input."""
    try:
        with h5py.File(path, "r") as file:
            facts = dict(file["snnc"].attrs)
            facts["shape"] = tuple(map(int, file["layer/0/shape"]))
    except (OSError, KeyError) as error:
        return stop(f"{path}: no network of snnc ({error}); write it with: snnc export --target loihi2 --script model.pt")
    facts["layers"] = json.loads(facts["layers"])
    return types.SimpleNamespace(**facts)


def load_arrays(path: Path, *needed: str) -> Any:
    """Return the arrays of an .npz, which must have certain ones."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        return stop(f"{path}: no .npz that can be read ({error})")
    for name in needed:
        if name not in arrays:
            stop(f"{path}: has no array {name!r}, but {', '.join(arrays) or 'none'}")
    return arrays


def stream_of(samples: Any, network: Any, path: Path) -> Any:
    """Return samples (B, ...) or (T, B, ...) one behind the other: (B * T, C, H, W)."""
    shape, steps = network.shape, int(network.timesteps)
    one = samples.ndim == 1 + len(shape)
    frames = np.repeat(samples[:, None], steps, 1) if one else samples.swapaxes(0, 1) if samples.ndim > 1 else samples
    if frames.shape[1:] != (steps, *shape) or not len(frames) or frames.dtype.kind not in "biu":
        sizes = ", ".join(map(str, shape))
        stop(
            f"{path}: input is {samples.shape} of {samples.dtype}; allowed are integers (B, {sizes}) and ({steps}, B, {sizes})"
        )
    least, most = int(network.input_minimum), int(network.input_maximum)
    if frames.min() < least or frames.max() > most:
        found = f"{frames.min()}..{frames.max()}"
        stop(f"{path}: input is in {found}, allowed is {least}..{most}: raw values - {network.input_zero_point}")
    return frames.astype(np.int64).reshape(-1, *shape)


def run(path: Path, network: Any, stream: Any, lava: Any, host: Cpu, *, delay: int, everything: bool) -> dict[str, Any]:
    """Stream the samples through the network without a pause and return what was recorded in every step of the run."""
    interval, names = int(network.timesteps), network.layers
    # Layer k of netx is k steps late. It is reset just before it begins with a sample, which is every `interval` steps.
    net = lava.Network(str(path), input_message_bits=16, reset_interval=interval, reset_offset=1 + delay)
    steps = delay + len(stream) + len(names)
    before = delay if type(host) is Cpu else 0  # the way to a chip takes the time, here it is waited for
    padded = np.zeros((steps, *stream.shape[1:]), np.int64)
    padded[before : before + len(stream)] = stream
    data = (padded if len(net.inp.shape) == 3 else padded.reshape(steps, -1)).T  # W, H, C, steps
    host.feed(lava.Source(data=np.ascontiguousarray(data)).s_out, net.inp)
    sinks, probes = {}, {}
    for name, block in zip(names, net.layers):  # noqa: B905 - Python 3.10
        sinks[name] = lava.Sink(shape=block.out.shape, buffer=steps)
        host.listen(block.out, sinks[name].a_in)
        if everything or (name == names[-1] and network.readout == "membrane"):
            probes[name] = host.probe(block.neuron.v, steps)
    net.run(condition=lava.RunSteps(num_steps=steps), run_cfg=host.config())
    found = {f"spikes/{name}": sink.data.get().T.astype(np.uint8) for name, sink in sinks.items()}
    found |= {f"v/{name}": read().astype(np.int32) for name, read in probes.items()}
    net.stop()
    offsets = {f"offset/{name}": delay + number for number, name in enumerate(names, 1)}
    return {**found, **offsets, "timesteps": interval, "reset_interval": interval, "samples": len(stream) // interval}


def aligned(arrays: Any, what: str, name: str) -> Any:
    """Return what a layer did, (B, T, ...), without the steps before and after."""
    steps, count, start = int(arrays["timesteps"]), int(arrays["samples"]), int(arrays.get(f"offset/{name}", 0))
    found = arrays[f"{what}/{name}"][start : start + steps * count]
    return found.reshape(count, steps, *found.shape[1:])


def classes_of(recorded: Any, network: Any) -> Any:
    """Return the class of every sample, the output of the largest score: its spikes, or membranes, of all steps.

    They are summed up, or weighed so that the first spike decides; of equal scores the first one wins.
    """
    values = aligned(recorded, "v" if network.readout == "membrane" else "spikes", network.layers[-1]).astype(np.int64)
    growth = int(vars(network).get("growth", 1))
    scores = sum(value * growth**late for late, value in enumerate(values.swapaxes(0, 1)[::-1]))
    return scores.reshape(len(scores), -1).argmax(axis=1)


def check(recorded: Any, expected: Any, network: Any) -> str:
    """Return the first difference, by layer, step, sample and neuron; "" if there is none."""
    for name in network.layers:
        places = []
        for what in (what for what in ("spikes", "v") if f"{what}/{name}" in recorded):
            got, wanted = (aligned(arrays, what, name).swapaxes(0, 1) for arrays in (recorded, expected))
            wanted = wanted[:, : got.shape[1]]
            places += [
                (*map(int, place), what, wanted[tuple(place)], got[tuple(place)]) for place in np.argwhere(got != wanted)[:1]
            ]
        if places:
            step, sample, *neuron, what, wanted, got = min(places)
            place = f"layer {name!r}, step {step}, sample {sample}, neuron {tuple(neuron)}"
            return f"{place}: {what.rstrip('s')} is {wanted} expected and {got} recorded"
    return ""


def main() -> int:
    """Run the command line and return the exit status: 0, 1 for a difference, 2 if something cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", help=f"samples to run, array `input` of an .npz (default: those of {EXPECTED})")
    parser.add_argument("--count", type=int, help="run the first samples only")
    parser.add_argument("--check", action="store_true", help="compare with what was expected at the export")
    parser.add_argument("--backend", choices=("cpu", "loihi2"), default="cpu", help="Lava's simulator, or the chip")
    parser.add_argument("--membranes", action="store_true", help="probe membranes of all layers; each costs time and memory")
    parser.add_argument("--delay", type=int, default=0, help="steps from the source to the first layer, if the host adds any")
    parser.add_argument("--output", default="recorded.npz", help="where to save what was recorded (default: recorded.npz)")
    options = parser.parse_args()
    network, expected = load_network(HERE / NETWORK), None
    path, output = Path(options.samples or HERE / EXPECTED), Path(options.output).resolve()
    if not output.parent.is_dir() or output.is_dir() or output in (path.resolve(), HERE / EXPECTED, HERE / NETWORK):
        stop(f"--output {options.output}: name a new .npz in a folder that exists")
    if options.check:
        if options.samples:
            stop(f"--check runs the samples of {EXPECTED}; leave out --samples")
        expected = load_arrays(path, "digest", "timesteps", "samples", *(f"spikes/{name}" for name in network.layers))
        if str(expected["digest"]) != network.digest:
            stop(f"{EXPECTED} is of another network than {NETWORK}; export both again")
    samples = load_arrays(path, "input")["input"]
    stream = stream_of(samples, network, path)
    most = len(stream) // int(network.timesteps)
    if options.delay < 0 or not 1 <= (options.count or most) <= most:
        stop(f"--delay must not be negative, and --count 1 to {most}")
    stream = stream[: (options.count or most) * int(network.timesteps)]
    lava = import_lava()
    host = Chip(lava) if options.backend == "loihi2" else Cpu(lava)
    recorded = run(HERE / NETWORK, network, stream, lava, host, delay=options.delay, everything=options.membranes)
    classes = classes_of(recorded, network)
    with open(options.output, "wb") as file:
        np.savez_compressed(file, **recorded, classes=classes, digest=network.digest)
    labels = json.loads(network.labels) or range(10**9)
    print("classes:", *(labels[number] for number in classes))
    print("spikes:", ", ".join(f"{name} {aligned(recorded, 'spikes', name).sum()}" for name in network.layers))
    print(f"saved: {options.output}")
    if options.check:
        difference = check(recorded, expected, network)
        print(f"DIFFERENT: {difference}" if difference else f"EQUAL: all that was recorded, in {len(classes)} samples")
        return 1 if difference else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
