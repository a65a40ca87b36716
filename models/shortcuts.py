"""What residual architectures share: shortcuts from layers that a network already has."""

from collections.abc import Iterable

from snnc.toolchain.layers.shortcut import Shortcut
from snnc.toolchain.layers.spiking_network import SpikingNetwork


def shortcuts_from(
    network: SpikingNetwork, sources: Iterable[str], target: tuple[int, ...], gain: float
) -> dict[str, Shortcut]:
    """Return a shortcut from each source to a population of shape `target`, of `gain` thresholds."""
    return {source: Shortcut(network.shape(source), target, gain) for source in sources}
