"""Stands in for lava-loihi, which is not public: adapters that hand on what they get, and probes that read in simulation."""

from pathlib import Path

ADAPTERS = """
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Adapter(AbstractProcess):
    def __init__(self, shape, num_message_bits=0):
        super().__init__(shape=shape)
        print(type(self).__name__, num_message_bits)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)


class Model(PyLoihiProcessModel):
    inp = LavaPyType(PyInPort.VEC_DENSE, int)
    out = LavaPyType(PyOutPort.VEC_DENSE, int)

    def run_spk(self):
        self.out.send(self.inp.recv())


class PyToNxAdapter(Adapter):
    pass


class PyToN3ConvAdapter(Adapter):
    pass


class NxToPyAdapter(Adapter):
    pass


@implements(proc=PyToNxAdapter, protocol=LoihiProtocol)
@requires(CPU)
class A(Model):
    pass


@implements(proc=PyToN3ConvAdapter, protocol=LoihiProtocol)
@requires(CPU)
class B(Model):
    pass


@implements(proc=NxToPyAdapter, protocol=LoihiProtocol)
@requires(CPU)
class C(Model):
    pass
"""
PROBE = """
import numpy as np
from lava.proc.monitor.process import Monitor


class StateProbe:
    def __init__(self, variable):
        self.monitor = Monitor()
        self.monitor.probe(variable, STEPS)

    @property
    def time_series(self):
        values = next(iter(next(iter(self.monitor.get_data().values())).values()))
        return np.moveaxis(values, 0, -1).ravel()
"""


def stand_in(folder: Path, steps: int) -> None:
    """Write what the script takes from lava-loihi, with adapters that hand on what they get, and probes for so many steps."""
    for name, text in {
        "utils/loihi2_profiler": "",
        "magma/core/model/c/model": "class CLoihiProcessModel: pass",
        "magma/core/model/nc/model": "class AbstractNcProcessModel: pass",
        "utils/loihi2_state_probes": PROBE.replace("STEPS", str(steps)),
        "proc/embedded_io/spike": ADAPTERS,
    }.items():
        path = folder / "lava" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
