"""Who wrote a NIR graph: the conventions that explain its neurons, and a writer's own mistakes.

No file names its writer, but each leaves marks: how it writes r, in which unit time constants, in which type and shape.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import nir
import numpy as np

from snnc.export.nir.flat import flat_graph
from snnc.export.nir.neurons import NEURONS, real_neurons
from snnc.export.nir.rules import AUTO, WRITERS, Rules, writer_rules
from snnc.toolchain.errors import ConfigError

THOUSAND = 1e3  # norse multiplies with its time step of 1 ms where it should leave the time constant as it is
NEAR = 1e-5  # relative


def rules_for(graph: nir.NIRGraph, writer: str, stated: dict[str, Any]) -> tuple[Rules, list[str]]:
    """Return the rules by which a graph is read, and what must be said about them.

    Raises ConfigError for an unknown writer, and with `auto` where no conventions explain the graph, or several do.
    """
    nodes = [node for node in flat_graph(graph).nodes.values() if isinstance(node, NEURONS)]
    if writer != AUTO:
        return _adapted(nodes, writer, writer_rules(writer, stated))
    found = {name: _adapted(nodes, name, writer_rules(name, stated)) for name in WRITERS if name != "spec"}
    fitting = {name: each for name, each in found.items() if _explains(nodes, name, each[0])}
    if len(fitting) > 1:
        raise ConfigError(f"the conventions of {' and '.join(fitting)} explain the graph equally well; choose with --writer")
    if not fitting:
        raise ConfigError(
            "no writer's conventions explain the graph; state --writer spec and --dt, and --decay, --gain, --compare "
            "(snnc import), or the same arguments (snnc.from_nir)"
        )
    ((name, (rules, notes)),) = fitting.items()
    return rules, [f"writer: only the conventions of {name} explain the graph ({_text(rules)})", *notes]


def _text(rules: Rules) -> str:
    return f"a step of {rules.dt:g} s, {rules.decay} decay, spikes {rules.compare}, gain {rules.gain}"


def _adapted(nodes: list[Any], writer: str, rules: Rules) -> tuple[Rules, list[str]]:
    """Return rules that undo norse's own mistake, where it is seen, and say so."""
    times = [_times(node) for node in nodes if _times(node).size]
    if writer != "norse" or not times or not all((tau < rules.dt).all() for tau in times):
        return rules, []
    if not all((tau * THOUSAND >= rules.dt).all() for tau in times):
        return rules, []
    shown = float(times[0].flat[0])
    note = (
        f"norse: its time constants are written 1000 times too small (tau {shown:g} s), as norse's own export does; "
        f"read as {shown * THOUSAND:g} s"
    )
    return replace(rules, tau_unit=THOUSAND), [note]


def _times(node: Any) -> Any:
    """Return all time constants of a population."""
    found = [getattr(node, key) for key in ("tau", "tau_mem", "tau_syn") if hasattr(node, key)]
    return np.concatenate([np.ravel(np.asarray(each, np.float64)) for each in found]) if found else np.zeros(0)


def _explains(nodes: list[Any], writer: str, rules: Rules) -> bool:
    """Tell whether every population can have been written by a writer."""
    for node in nodes:
        real = real_neurons(node, rules)
        kept = [real.keep, real.alpha] if _times(node).size else []
        if not all(((share >= 0) & (share < 1)).all() for share in kept) or not MARKS[writer](node, rules):
            return False
    return bool(nodes)


def _close(values: Any, to: Any) -> bool:
    return bool(np.allclose(np.asarray(values, np.float64), to, rtol=NEAR, atol=0))


def _arrays(node: Any) -> Iterable[Any]:
    return [np.asarray(getattr(node, key)) for key in ("r", "v_threshold") if hasattr(node, key)]


def _double(node: Any) -> bool:
    """Tell whether parameters are full arrays of one double each, as spikingjelly writes them."""
    return all(each.dtype == np.float64 and each.ndim and (each == each.flat[0]).all() for each in _arrays(node))


def _per_step(node: Any, rules: Rules) -> Any:
    """Return r times what a step loses, as Euler's method has it: what an input adds."""
    tau = getattr(node, "tau_mem", getattr(node, "tau", None))
    r = np.asarray(node.r, np.float64)
    return r * rules.dt if tau is None else r * rules.dt / np.asarray(tau, np.float64)


def _norse(node: Any, rules: Rules) -> bool:
    times = _times(node)
    return _close(node.r, 1) and not _double(node) and (not times.size or bool((times * rules.tau_unit < 1).all()))


def _snntorch(node: Any, rules: Rules) -> bool:
    return bool(_times(node).size) and _close(_per_step(node, rules), 1) and not _double(node)


def _spikingjelly(node: Any, rules: Rules) -> bool:
    return _double(node) and (_close(_per_step(node, rules), 1) or (_close(node.r, 1) and bool(_times(node).size)))


def _sinabs(node: Any, rules: Rules) -> bool:
    return _close(node.r, 1) and not _double(node) and not hasattr(node, "tau_syn") and bool((_times(node) >= 1).all())


def _rockpool(node: Any, rules: Rules) -> bool:
    tau = np.asarray(getattr(node, "tau_mem", getattr(node, "tau", np.nan)), np.float64)
    return _close(node.r, tau * np.exp(-rules.dt / tau) / rules.dt)


MARKS: dict[str, Callable[[Any, Rules], bool]] = {
    "norse": _norse,
    "snntorch": _snntorch,
    "spikingjelly": _spikingjelly,
    "sinabs": _sinabs,
    "rockpool": _rockpool,
}
