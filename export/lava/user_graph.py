"""`lava_process`: a network as one process of a user's own Lava graph. Importing this imports no Lava."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from snnc.export.lava.import_fixes import INSTALL, installed
from snnc.export.lava.limits import violations
from snnc.toolchain.errors import CannotExport, EngineError, located, row
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Network

if TYPE_CHECKING:
    from snnc.export.lava.network_process import NetworkProcess


def lava_process(network: Network, outputs: Iterable[str] = ()) -> "NetworkProcess":
    """Return the network as one Lava process, to be connected in a graph of your own.

    It is made of stock processes (`Conv`, `Dense`, `LIFReset`, and `GradedVec` where the input is needed later), so it runs
    wherever those run: under `Loihi2SimCfg(select_tag="fixed_pt")`, bit for bit as `snnc.simulate`, and under `Loihi2HwCfg`
    by construction. No chip has run it.

    - `s_in` takes the input as integers `input.minimum..input.maximum`, one frame for each step. Images have Lava's axes
      `(W, H, C)`, other inputs `(features,)`. Samples take T steps and follow each other without a pause, the first one from
      the first step on. With delays there are `timed.pause` steps of 0 before each sample, the first one too.
    - `s_out` sends the spikes of the last layer, 0 or 1, and `s_out_NAME` those of each layer in `outputs`, which are also in
      the dict `outputs`. Shapes are `(W, H, C)` or `(neurons,)`.
    - `latency[NAME]` is how many steps later than the input a layer does what the network says for a step of a sample. Each
      layer is reset before its first step of a sample, in Lava's step `timed.pause + latency + 1` (counted from 1) first.
    - `neurons[NAME]` is the `LIFReset` of a layer. A membrane read-out never spikes: probe its `v` with a `Monitor`.
    - `steps(samples)` is how long to run. `stream(samples)` is the data of a source `RingBuffer`, and `samples_of(NAME, data)`
      turns what a sink or a probe recorded from step 1 on into `(T, B, ...)`, as in a `Trace`.

    `repr` shows all of that. torch is not imported: it would hang Lava. Lava 0.10.0 is published for Python 3.10; on 3.11 to
    3.13 import what you need of it inside `with snnc.export.lava.import_fixes.modern_python():`.

    Args:
        network: any network that the engine `lava` can run, with shortcuts, delays and recurrence too.
        outputs: names of layers whose spikes you want to connect or record.

    Raises:
        EngineError: if Lava is not installed.
        ConfigError: for an output that is no layer.
        CannotExport: for a network that Lava's stock processes cannot run exactly.
        NetworkError: if a sum could overflow or a membrane read-out spike.

    Example:
        >>> import snnc
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> snnc.lava_process(network)  # doctest: +SKIP
        Lava process of 'example', 3 steps a sample
          s_in (2,): integers 0..1
          s_out (1,): spikes of layer 'fc', 1 step late, reset at steps 2, 5, 8, ...
    """
    if not installed():
        raise EngineError(f"snnc.lava_process: Lava is not installed; get it with: {INSTALL}")
    names = tuple(dict.fromkeys(outputs))
    for name in names:
        row({layer.name: layer for layer in network.layers}, name, "layer")
    if found := violations(network):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise CannotExport(f"snnc.lava_process: Lava's stock processes cannot run this network: {found[0]}{more}")
    with located("snnc.lava_process"):
        prove(network)
    from snnc.export.lava.network_process import NetworkProcess

    return NetworkProcess(network, names)
