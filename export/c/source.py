"""The text of the C source of a network: its sizes, its numbers, and the functions that a program calls."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snnc.export.c.layout import SIZES, TERNARY, Numbers, bits_of, grid_in_c, packed, pixels_first, weight_bits
from snnc.export.c.violations import COptions
from snnc.toolchain.network import lif
from snnc.toolchain.network.grid import Grid, as_chw
from snnc.toolchain.network.network import INPUT, Layer, Network

TEMPLATE = Path(__file__).with_name("network.h")
PER_LINE = 20
SUMMED = "summed membranes of the last layer, or its spikes"
WEIGHED = "spikes of the last layer as a number in base 2, the first step's on top"
BIASES, KEEP_U, KEEP_V, WEIGHTS = "bias", "keep_u", "keep_v", "weights"


def source_text(network: Network, options: COptions, description: str) -> str:
    """Return the whole source; `description` is one line of JSON for who reads the file back."""
    numbers = "\n".join([*_arrays(network), *_tables(network)])
    values = _values(network) | {"NUMBERS": numbers.replace("PREFIX", options.chosen(network)), "DESCRIPTION": description}
    template = TEMPLATE.read_text(encoding="ascii").replace("PREFIX", options.chosen(network))
    # In one pass, so that names which look like a place to fill in stay as they are.
    return re.sub(r"@([A-Z_]+)@", lambda place: str(values[place[1]]), template)


def array_name(part: str, layer: int, synapse: int | None = None) -> str:
    """Return the name of an array in the source, without the prefix."""
    return f"{part}_{layer}" if synapse is None else f"{part}_{layer}_{synapse}"


def slots(network: Network, source: str) -> int:
    """Return how many time steps of a source are kept, this one included; none is asked for after the last step."""
    delays = [synapse.delay for layer in network.layers for synapse in layer.synapses if synapse.source == source]
    return min(max(delays, default=0), network.timesteps - 1) + 1


def state_bytes(network: Network) -> int:
    """Return the bytes of RAM that a network takes, its state, without what a compiler adds to align it."""
    spikes = sum(spike_bytes(layer) * slots(network, layer.name) for layer in network.layers)
    neurons = sum(layer.neurons for layer in network.layers)
    kept, value = slots(network, INPUT), input_bits(network) // 8
    frames = kept * int(np.prod(network.input.shape)) * value if kept > 1 else 0
    outputs = network.layers[-1].neurons * output_bits(network) // 8
    return 4 * neurons * (2 if has_currents(network) else 1) + spikes + frames + outputs + 4


def constant_bytes(network: Network) -> int:
    """Return the bytes of the network's numbers in flash: weights, biases and decays, without tables and code."""
    return sum(values.size * _element_bits(kind) // 8 for _, kind, values in _stored(network))


def has_currents(network: Network) -> bool:
    """Tell whether any neuron has current memory."""
    return any(layer.neuron.has_current_memory for layer in network.layers)


def input_bits(network: Network) -> int:
    """Return the bits of the smallest type that holds a raw input value."""
    low, high = (value + network.input.zero_point for value in (network.input.minimum, network.input.maximum))
    return 8 if low >= 0 and high <= 255 else bits_of(np.array([low, high]))


def input_type(network: Network) -> str:
    """Return the C type of a raw input value."""
    unsigned = "u" if network.input.minimum + network.input.zero_point >= 0 and input_bits(network) == 8 else ""
    return f"{unsigned}int{input_bits(network)}_t"


def output_bits(network: Network) -> int:
    """Return 32, or 64 where the score of all steps can be larger."""
    largest = 1 if network.rule.spiking else lif.STATE_LIMIT
    return 64 if largest * sum(network.rule.weights(network.timesteps)) >= 2**31 else 32


def spike_bytes(layer: Layer) -> int:
    """Return the bytes of a layer's spikes of one time step."""
    channels, height, width = as_chw(layer.output_shape)
    return -(-channels // 8) * height * width


def quoted(text: str) -> str:
    """Return text as it may stand in a comment: ASCII, and nothing that ends a comment, opens one or is a trigraph."""
    return json.dumps(text)[1:-1].replace("/", "\\u002f").replace("?", "\\u003f")


def _values(network: Network) -> dict[str, object]:
    largest = max(bits_of(layer.neuron.bias_mantissa) for layer in network.layers)
    last = network.layers[-1]
    return {
        "NAME": quoted(network.name),
        "TIMESTEPS": network.timesteps,
        "INPUTS": int(np.prod(network.input.shape)),
        "SHAPE": " x ".join(map(str, network.input.shape)),
        "OUTPUTS": last.neurons,
        "ZERO_POINT": network.input.zero_point,
        "VALUE": input_type(network),
        "OUTPUT": f"int{output_bits(network)}_t",
        "BIAS": f"int{max(16, largest)}_t",
        "NEURONS": sum(layer.neurons for layer in network.layers),
        "CURRENTS": int(has_currents(network)),
        "SPIKES": sum(spike_bytes(layer) * slots(network, layer.name) for layer in network.layers),
        "SLOTS": slots(network, INPUT),
        "LAYERS": len(network.layers),
        "SPIKING": int(network.rule.spiking),
        "GROWING": f"        state->outputs[i] *= {network.rule.growth};\n" if network.rule.growth > 1 else "",
        "SCORES": SUMMED if network.rule.growth == 1 else WEIGHED,
        "RAM": f"{state_bytes(network):,}",
        "FLASH": f"{constant_bytes(network):,}",
        "LABELS": ", ".join(_string(label) for label in network.labels) or "0",
        "LABELED": int(bool(network.labels)),
    }


def _string(text: str) -> str:
    """Return a C string; all but letters and digits as octal numbers of three digits."""
    return '"' + "".join(chr(b) if chr(b).isalnum() and b < 128 else f"\\{b:03o}" for b in text.encode()) + '"'


def _stored(network: Network) -> list[tuple[str, str, Numbers]]:
    """Return name, C type and numbers of every array."""
    found: list[tuple[str, str, Numbers]] = []
    shapes = network.shapes
    for number, layer in enumerate(network.layers):
        for index, synapse in enumerate(layer.synapses):
            bits = weight_bits(synapse)
            kind = "uint8_t" if bits == TERNARY else f"int{bits}_t"
            numbers = packed(grid_in_c(synapse, shapes[synapse.source]), bits)
            found.append((array_name(WEIGHTS, number, index), kind, numbers))
        found.append((array_name(BIASES, number), "PREFIX_bias", _bias(layer)))
        kept = {
            KEEP_U: lif.DECAY_UNITY - 1 - np.asarray(layer.neuron.du),
            KEEP_V: lif.DECAY_UNITY - np.asarray(layer.neuron.dv),
        }
        for name, keep in kept.items():
            each = pixels_first(keep, layer.output_shape) if _decays_differ(layer) else keep.reshape(1)
            found.append((array_name(name, number), "uint16_t", each))
    return found


def _bias(layer: Layer) -> Numbers:
    mantissa = layer.neuron.bias_mantissa
    if _biases_differ(layer):
        return pixels_first(mantissa, layer.output_shape)
    return mantissa.reshape(as_chw(layer.output_shape)[0], -1)[:, 0]


def _biases_differ(layer: Layer) -> bool:
    per_channel = layer.neuron.bias_mantissa.reshape(as_chw(layer.output_shape)[0], -1)
    return bool((per_channel != per_channel[:, :1]).any())


def _decays_differ(layer: Layer) -> bool:
    return bool(np.ndim(layer.neuron.du) or np.ndim(layer.neuron.dv))


def _element_bits(kind: str) -> int:
    return int(re.sub(r"\D", "", kind) or 16)


def _arrays(network: Network) -> list[str]:
    return [_array(name, kind, values) for name, kind, values in _stored(network)]


def _array(name: str, kind: str, values: Numbers) -> str:
    words = [str(int(value)) for value in values]
    lines = [", ".join(words[start : start + PER_LINE]) for start in range(0, len(words), PER_LINE)]
    return f"static const {kind} PREFIX_{name}[{len(words)}] = {{\n" + ",\n".join(lines) + "\n};"


def _tables(network: Network) -> list[str]:
    synapses = [_table("synapse", f"synapses_{number}", rows) for number, rows in enumerate(_synapse_rows(network))]
    return [*synapses, _table("layer", "layers", _layer_rows(network))]


def _synapse_rows(network: Network) -> Iterator[list[str]]:
    """Yield the rows of each layer: weights, the source's place, delay and geometry."""
    places = {INPUT: -1} | {layer.name: number for number, layer in enumerate(network.layers)}
    for number, layer in enumerate(network.layers):
        rows = []
        for index, synapse in enumerate(layer.synapses):
            grid, weights = grid_in_c(synapse, network.shapes[synapse.source]), f"PREFIX_{array_name(WEIGHTS, number, index)}"
            pointers = [weights if bits == weight_bits(synapse) else 0 for bits in (TERNARY, *SIZES)]
            rows.append(_row(*pointers, places[synapse.source], synapse.delay, *_geometry(grid)))
        yield rows


def _layer_rows(network: Network) -> list[str]:
    rows, neuron, spikes = list[str](), 0, 0
    for number, layer in enumerate(network.layers):
        kept, neurons = slots(network, layer.name), layer.neuron
        bias, keep_u, keep_v = (f"PREFIX_{array_name(part, number)}" for part in (BIASES, KEEP_U, KEEP_V))
        sizes = (f"PREFIX_synapses_{number}", len(layer.synapses), *as_chw(layer.output_shape), neuron, spikes)
        own_bias = (bias, int(_biases_differ(layer)), 1 << neurons.bias_exponent)
        rows.append(
            f"    /* {quoted(layer.name)} */\n"
            + _row(*sizes, spike_bytes(layer), kept, *own_bias, neurons.vth, keep_u, keep_v, int(_decays_differ(layer)))
        )
        neuron, spikes = neuron + layer.neurons, spikes + spike_bytes(layer) * kept
    return rows


def _table(kind: str, name: str, rows: list[str]) -> str:
    return f"static const PREFIX_{kind} PREFIX_{name}[{len(rows)}] = {{\n" + ",\n".join(rows) + "\n};"


def _row(*values: object) -> str:
    return "    {" + ", ".join(map(str, values)) + "}"


def _geometry(grid: Grid) -> tuple[int, ...]:
    return (*grid.source, *grid.weight.shape[2:], *grid.stride, *grid.padding, grid.pool)
