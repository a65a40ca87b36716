"""What was recognized in the float32 constants of a population, for people."""

from typing import Any

import numpy as np

from snnc.export.nir.constants import Floats
from snnc.export.nir.folding import RealLayer
from snnc.export.nir.rules import Rules


def recognized(name: str, node: Any, layer: RealLayer, rules: Rules) -> str | None:
    """Return one line that names the constants which stand for a simpler number than float32 wrote, or None."""
    found = []
    for what, raw, meant in _constants(node, layer, rules):
        if np.size(meant) and np.size(np.unique(meant)) == 1 and (np.asarray(raw) != np.asarray(meant)).any():
            found.append(f"{what} {np.ravel(meant)[0]:.12g} (stored {np.ravel(raw)[0]:.9g})")
    return f"layer {name!r}: read as {', '.join(found)}" if found else None


def _constants(node: Any, layer: RealLayer, rules: Rules) -> list[tuple[str, Floats, Floats]]:
    real, found = layer.neurons, []
    tau = getattr(node, "tau_mem", getattr(node, "tau", None))
    if tau is not None and rules.decay == "euler":
        ratio = rules.dt / (np.asarray(tau, np.float64) * rules.tau_unit)
        found.append(("decay", 1 - ratio, real.keep))
    if hasattr(node, "tau_syn") and rules.decay == "euler":
        ratio = rules.dt / (np.asarray(node.tau_syn, np.float64) * rules.tau_unit)
        found.append(("decay of the current", 1 - ratio, real.alpha))
    if real.threshold is not None:
        found.append(("threshold", np.asarray(node.v_threshold, np.float64), real.threshold))
    return [(what, raw, meant) for what, raw, meant in found if raw.size]
