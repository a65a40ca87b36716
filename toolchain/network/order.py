"""In which order layers run: whether their sources fit, and which layers must run step by step together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from snnc.toolchain.errors import NetworkError, located
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.validation import Shape

if TYPE_CHECKING:  # network.py imports this module
    from snnc.toolchain.network.network import Layer

Layers = Sequence["Layer"]


def check_layers(layers: Layers, shapes: Mapping[str, Shape]) -> None:
    """Raise NetworkError where names, sources, delays or shapes do not fit; `shapes` has every source, the input first."""
    _check_names(layers, next(iter(shapes)))
    earlier = {next(iter(shapes))}
    for layer in layers:
        for synapse in layer.synapses:
            where = f"layer {layer.name!r}: source {synapse.source!r}"
            if synapse.source not in shapes:
                raise NetworkError(f"{where} is unknown; allowed are {', '.join(map(repr, shapes))}")
            if synapse.source not in earlier and not synapse.delay:
                place = "is the layer itself" if synapse.source == layer.name else "comes later"
                raise NetworkError(f"{where} {place}, so its synapses need a delay of at least 1 step, got 0")
            _check_shape(layer, synapse, shapes)
        earlier.add(layer.name)


def stages(layers: Layers) -> list[tuple["Layer", ...]]:
    """Split layers into runs, in their order, that feed nothing back to an earlier one.

    A stage of one layer that does not feed itself can run over all time steps at once, when those before it have run. The
    layers of any other stage (see `is_recurrent`) run step by step together.
    """
    place = {layer.name: index for index, layer in enumerate(layers)}
    found: list[tuple[Layer, ...]] = []
    start = 0
    while start < len(layers):
        index = end = start  # a synapse from layer `end` to an earlier layer ties all that lie between together
        while index <= end:
            end = max([end, *(place.get(synapse.source, 0) for synapse in layers[index].synapses)])
            index += 1
        found.append(tuple(layers[start : end + 1]))
        start = end + 1
    return found


def is_recurrent(stage: Layers) -> bool:
    """Tell whether the layers of a stage must run step by step: they are several, or one that feeds itself."""
    return len(stage) > 1 or any(synapse.source == stage[0].name for synapse in stage[0].synapses)


def _check_names(layers: Layers, taken: str) -> None:
    names = {taken}
    for layer in layers:
        if layer.name in names:
            raise NetworkError(f"layer name {layer.name!r} is used twice; give each layer its own")
        names.add(layer.name)


def _check_shape(layer: "Layer", synapse: Synapse, shapes: Mapping[str, Shape]) -> None:
    with located(f"layer {layer.name!r}"):
        shape = synapse.output_shape(shapes[synapse.source])
    if shape != layer.output_shape:
        raise NetworkError(
            f"layer {layer.name!r}: synapses from {synapse.source!r} give shape {shape}, the neurons have {layer.output_shape}"
        )
