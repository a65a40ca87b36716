"""NIR graphs that are chains of nodes, as others might write them."""

from itertools import pairwise

import nir
import numpy as np

from snnc.export.nir.rules import Rules

POOL = np.array([2, 2])


def lif(shape: tuple[int, ...], **parameters: object) -> nir.LIF:
    values = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 3.0, "v_reset": 0.0} | parameters
    return nir.LIF(**{name: np.full(shape, value) for name, value in values.items()})


def cuba(count: int) -> nir.CubaLIF:
    one = np.ones(count)
    return nir.CubaLIF(2e-4 * one, 4e-4 * one, 4 * one, 0 * one, 2 * one, 0 * one, 2 * one)


def chain(shape: tuple[int, ...], *nodes: nir.NIRNode) -> nir.NIRGraph:
    names = ["input", *(f"n{i}" for i in range(len(nodes))), "output"]
    every = dict(zip(names, [nir.Input(np.array(shape)), *nodes, nir.Output(np.array([1]))], strict=True))
    return nir.NIRGraph(every, list(pairwise(names)), type_check=False)


def random_foreign_graph(seed: int) -> tuple[nir.NIRGraph, Rules, int]:
    """Draw a chain as others might write it: scales of any shape, pools, fractions, leaks, thresholds between values."""
    rng = np.random.default_rng(seed)
    shape: tuple[int, ...] = (int(rng.integers(1, 4)), 4, 4) if rng.random() < 0.6 else (int(rng.integers(2, 7)),)
    start, nodes = shape, list[nir.NIRNode]()
    unit = float(rng.choice([1.0, 1.0, 0.5, 1.5, 1 / 3]))
    for _ in range(int(rng.integers(1, 3))):
        if rng.random() < 0.3:
            sizes = [shape, shape[:1] + (1,) * (len(shape) - 1), (1,), ()]
            nodes.append(nir.Scale(rng.integers(1, 4, sizes[rng.integers(len(sizes))]).astype(float)))
        if len(shape) == 3 and shape[1] == 4 and rng.random() < 0.3:
            nodes.append((nir.SumPool2d if rng.random() < 0.5 else nir.AvgPool2d)(POOL, POOL, 0 * POOL))
            shape = (shape[0], 2, 2)
        if len(shape) == 3 and rng.random() < 0.5:
            weight = rng.integers(-2, 3, (int(rng.integers(1, 4)), shape[0], 3, 3)) * unit
            bias = rng.integers(-2, 3, len(weight)) * unit
            nodes.append(nir.Conv2d(shape[1:], weight, 1, 1, 1, 1, bias))
            shape = (len(weight), *shape[1:])
        elif rng.random() < 0.8:
            if len(shape) == 3:
                nodes.append(nir.Flatten({"input": np.array(shape)}, 0, 2))
            weight = rng.integers(-2, 3, (int(rng.integers(2, 6)), int(np.prod(shape)))) * unit
            nodes.append(nir.Affine(weight, rng.integers(-2, 3, len(weight)) * unit * rng.choice([1.0, 0.5])))
            shape = (len(weight),)
        threshold = float(rng.choice([rng.integers(1, 6) * unit, rng.uniform(0.5, 4), np.nextafter(np.float32(2), 0)]))
        leak = float(rng.choice([0.0, 0.0, unit]))
        nodes.append(lif(shape if rng.random() < 0.8 else (1,), v_threshold=threshold, v_leak=leak))
    rules = Rules(compare=str(rng.choice([">", ">="])))  # type: ignore[arg-type]
    return chain(start, *nodes), rules, int(rng.integers(1, 10))
