"""Neurons that nothing reads: pools that do not tile an image drop its last rows, which padding behind the pool must not see.

A layer without them is made by taps of weight 0 behind its kernels, by which these reach less far.
"""

from dataclasses import replace

import numpy as np

from snnc.export.nir.constants import Floats
from snnc.export.nir.folding import RealLayer
from snnc.export.nir.paths import Path
from snnc.toolchain.errors import CannotExport
from snnc.toolchain.network.network import INPUT

Crop = tuple[int, int]  # height and width that are left


def crops_of(ways: dict[str, list[Path]]) -> dict[str, Crop]:
    """Return the part of each layer that is read, where others must not be there. Raises CannotExport where readers differ."""
    found: dict[str, set[Crop | None]] = {}
    for paths in ways.values():
        for path in paths:
            found.setdefault(path.source, set()).add(path.crop)
    crops = {source: seen for source, seen in found.items() if seen != {None}}
    for source, seen in crops.items():
        size = next(crop for crop in seen if crop)
        if source == INPUT:
            raise CannotExport(
                f"a pool drops the last rows or columns of the input, which a padded convolution behind it would see; "
                f"crop the images to {size[0]} x {size[1]}"
            )
        if len(seen) > 1:
            raise CannotExport(
                f"node {source!r}: a pool drops its last rows or columns, which another reader needs; pool it evenly"
            )
    return {source: next(crop for crop in seen if crop) for source, seen in crops.items()}


def cropped(layer: RealLayer, crop: Crop | None, name: str) -> RealLayer:
    """Return a layer whose last rows and columns are gone."""
    if crop is None:
        return layer
    gone = (layer.shape[1] - crop[0], layer.shape[2] - crop[1])
    ways, weights = list[Path](), list[Floats]()
    for path, weight in zip(layer.ways, layer.weights, strict=True):
        if weight.ndim != 4:
            raise CannotExport(f"node {name!r}: a pool drops its last rows or columns, which only convolutions can leave out")
        behind = [(0, gone[axis] * path.stride[axis]) for axis in (0, 1)]
        weights.append(np.pad(weight, [(0, 0), (0, 0), *behind]))
        ways.append(replace(path, shape=(layer.shape[0], *crop)))
    drive, through = (each[:, : crop[0], : crop[1]] for each in (layer.drive, layer.through))
    return replace(layer, ways=ways, weights=weights, drive=drive, through=through, shape=(layer.shape[0], *crop))
