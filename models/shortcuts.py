"""What residual architectures share: shortcuts from layers that a network already has."""

from collections.abc import Mapping

from snnc.toolchain.layers.shortcut import Shortcut
from snnc.toolchain.layers.spiking_network import SpikingNetwork


def shortcuts_from(network: SpikingNetwork, gains: Mapping[str, float], target: tuple[int, ...]) -> dict[str, Shortcut]:
    """Return a shortcut from each source, as strong as it says in thresholds, to a population of shape `target`."""
    return {source: Shortcut(network.shape(source), target, gain) for source, gain in gains.items()}
