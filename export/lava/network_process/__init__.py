"""A network as one Lava process with ports, which user_graph.py makes. Importing this imports Lava.

The class has a folder to itself, since Lava's compiler runs all modules beside a process in search of models for it.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnc.export.lava.import_fixes import modern_python
from snnc.export.lava.schedule import schedule
from snnc.export.lava.stock import build, fitting, synapse_processes
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import INPUT, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import Shape

with modern_python():
    from lava.magma.core.decorator import implements, requires, tag
    from lava.magma.core.model.sub.model import AbstractSubProcessModel
    from lava.magma.core.process.ports.ports import InPort, OutPort
    from lava.magma.core.process.process import AbstractProcess
    from lava.magma.core.resources import CPU
    from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
    from lava.proc.graded.process import GradedVec


class NetworkProcess(AbstractProcess):  # type: ignore[misc]  # Lava has no types
    """What `snnc.lava_process` returns; its docstring says what the ports are."""

    def __init__(self, network: Network, outputs: Iterable[str]) -> None:
        """Make stock processes for a network that Lava can run, and connect them."""
        super().__init__()
        self.timed = schedule(network)
        self.latency = {layer.name: self.timed.starts[layer.name] - self.timed.pause for layer in network.layers}
        self.s_in = InPort(shape=tuple(reversed(network.input.shape)))
        self.late_inputs = [self.s_in]  # the input, and what sends it one step later, two steps later, ...
        self.neurons = build(self.timed, self._feed)
        self.outputs = {name: self._output(name) for name in outputs}
        for name, port in self.outputs.items():
            setattr(self, f"s_out_{name}", port)  # Lava finds ports among the attributes
        self.s_out = self._output(network.layers[-1].name)

    def steps(self, samples: int) -> int:
        """Return how many steps a run of so many samples takes: until the last layer has done the last step of the last one."""
        return self.timed.steps(samples)

    def stream(self, samples: ArrayLike) -> NDArray[np.int64]:
        """Return the data of a source for `s_in`, `(W, H, C, steps)` or `(features, steps)`, zeros behind the last sample.

        `samples` are integers for the chip, `(B, ...)` for the same frame at every step of a sample, or `(T, B, ...)`.
        Raises DataError for another shape.
        """
        network, frames = self.timed.network, np.asarray(samples, np.int64)
        constant = frames.ndim == 1 + len(network.input.shape)
        frames = frames[None] if constant else frames
        if frames.shape[2:] != network.input.shape or len(frames) not in (1, network.timesteps):
            sizes = ", ".join(map(str, network.input.shape))
            allowed = f"(B, {sizes}) and ({network.timesteps}, B, {sizes})"
            raise DataError(f"lava_process: samples of shape {np.shape(samples)}; allowed are {allowed}")
        stream = self.timed.stream(frames, late=self.timed.pause)
        return np.ascontiguousarray(stream.transpose(*range(stream.ndim - 1, 0, -1), 0))

    def samples_of(self, name: str, recorded: ArrayLike) -> NDArray[np.int32]:
        """Return as `(T, B, ...)`, in C,H,W order, what a sink `(..., steps)` recorded of a layer in all steps of a run."""
        stream = np.asarray(recorded, np.int32)
        return self.timed.samples_of(name, stream.transpose(*range(stream.ndim - 1, -1, -1)))

    def _output(self, name: str) -> Any:
        port = OutPort(shape=self.neurons[name].s_out.shape)
        self.neurons[name].s_out.connect(port)
        return port

    def _feed(self, port: Any, late: int) -> None:
        """Connect the input to a port, behind one relay of graded spikes for each step that it must be late.

        All of the input comes a pause after the first step.
        """
        late, shape = late - self.timed.pause, self.timed.network.input.shape
        while len(self.late_inputs) <= late:
            relay = GradedVec(shape=self.s_in.shape, vth=0)
            (identity,) = synapse_processes(_identity(shape), shape, 0)
            self.late_inputs[-1].connect(identity.s_in)
            identity.a_out.connect(relay.a_in)
            self.late_inputs.append(relay.s_out)
        fitting(self.late_inputs[late], port).connect(port)

    def _ports(self) -> dict[str, str]:
        """Return the layer of each output port by the port's name."""
        return {"s_out": list(self.latency)[-1]} | {f"s_out_{name}": name for name in self.outputs}

    def _pause(self) -> str:
        return f" after a pause of {self.timed.pause}" if self.timed.pause else ""

    def __repr__(self) -> str:
        """Return a line for each port: shape, values, latency, resets."""
        network, interval = self.timed.network, self.timed.period
        lines = [
            f"Lava process of {network.name!r}, {network.timesteps} steps a sample{self._pause()}",
            f"  s_in {self.s_in.shape}: integers {network.input.minimum}..{network.input.maximum}",
        ]
        for port, name in self._ports().items():
            late, first = self.latency[name], self.timed.reset_offset(name)
            resets = ", ".join(str(first + interval * number) for number in range(3))
            lines.append(
                f"  {port} {getattr(self, port).shape}: spikes of layer {name!r}, {late} step{'s' * (late != 1)} late, "
                f"reset at steps {resets}, ..."
            )
        return "\n".join(lines)


@implements(proc=NetworkProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class NetworkModel(AbstractSubProcessModel):  # type: ignore[misc]  # Lava has no types
    """Nothing of its own: Lava takes the processes inside of the process as they are connected."""

    def __init__(self, proc: AbstractProcess) -> None:
        """Take the processes as they are."""


def _identity(shape: Shape) -> Synapse:
    eye = np.eye(shape[0], dtype=np.int8)
    return Conv(INPUT, eye[:, :, None, None]) if len(shape) == 3 else Dense(INPUT, eye)
