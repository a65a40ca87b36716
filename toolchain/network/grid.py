"""Every synapse as a convolution over channels, height and width, its pooling taken out of the taps again."""

from dataclasses import dataclass
from math import prod

from snnc.toolchain.network.synapse import Conv, Synapse
from snnc.toolchain.network.validation import Shape, Weights

POOLS = (4, 3, 2)  # that are looked for in folded weights


@dataclass(frozen=True)
class Grid:
    """A synapse as a convolution over C,H,W with pooling taken out of its weights."""

    weight: Weights  # (out, in, kh, kw)
    source: Shape
    stride: tuple[int, int]
    padding: tuple[int, int]
    pool: int = 1

    @property
    def pooled(self) -> tuple[int, int]:
        """Height and width after pooling."""
        return self.source[1] // self.pool, self.source[2] // self.pool

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of the population."""
        sizes = zip(self.pooled, self.weight.shape[2:], self.stride, self.padding, strict=True)
        height, width = ((size + 2 * pad - kernel) // step + 1 for size, kernel, step, pad in sizes)
        return height, width


def grid_of(synapse: Synapse, source: Shape, *, pooling: bool) -> Grid:
    """Return a synapse as a Grid; dense synapses become one kernel as large as their source."""
    source = as_chw(source)
    if isinstance(synapse, Conv):
        grid = Grid(synapse.weight, source, synapse.stride, synapse.padding)
    else:
        grid = Grid(synapse.weight.reshape(-1, *source), source, (source[1], source[2]), (0, 0))
    return next(filter(None, (_without_pool(grid, pool) for pool in POOLS)), grid) if pooling else grid


def _without_pool(grid: Grid, pool: int) -> Grid | None:
    """Undo `behind_pool` of a synapse, if every tap is repeated pool x pool and the geometry fits."""
    sizes = (*grid.weight.shape[2:], *grid.stride, *grid.padding, *grid.source[1:])
    if any(size % pool for size in sizes):
        return None
    weight = grid.weight[:, :, ::pool, ::pool]
    if any((weight != grid.weight[:, :, y::pool, x::pool]).any() for y in range(pool) for x in range(pool)):
        return None
    stride, padding = (tuple(size // pool for size in pair) for pair in (grid.stride, grid.padding))
    return Grid(weight, grid.source, (stride[0], stride[1]), (padding[0], padding[1]), pool)


def as_chw(shape: Shape) -> Shape:
    """Return a shape as channels, height, width."""
    return shape if len(shape) == 3 else (prod(shape), 1, 1)
