"""The tables of a benchmark in the terminal."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from snnc.bench.growth import Point
from snnc.bench.profile import PARTS, LayerProfile
from snnc.bench.residual import ShortcutRow
from snnc.bench.simulation import Row
from snnc.bench.training import TrainingSettings, Variant, ratios
from snnc.toolchain.device import device_name

HEADINGS = ("firing rate", "images/s", "GMAC/s", "of limit", "peak MiB")
TITLES = {"torch_float32": "torch f32", "onednn_int8": "oneDNN int8", "lava": "Lava *"}
NOTE = (
    "The last columns are times faster: medians over the rounds, and below the least and the most of them. The outputs of\n"
    "{compared} images were compared first. GMAC/s counts what a dense simulator computes. The limit is how fast the cores\n"
    "could add weight rows from registers.\n"
    "* extrapolated to one core and timed once: Lava's convolutions alone, one step, {channels} output channels of each\n"
    "  layer, scaled to all; its processes could share the cores."
)

TRAINING_NOTE = (
    "One step of CIFARNet on {device} in {precision}, width {width}, batch {batch}, T = {steps}: forward, backward, Adam; all\n"
    "variants in turn.\n"
    "limit: ReLU instead of neurons. `documented`: as their documentation shows them; all others in channels_last layout and\n"
    "with the fused Adam, as ours.\n"
    "MiB: what the first step takes beyond the built model, Adam's state included. All neurons compute the same spikes."
)

ELSEWHERE_NOTE = "A forward pass of the integer phase gave the CPU's spikes and membranes there, to the bit."

PROFILE_NOTE = (
    "Times are microseconds per image on one core: event by event, four images together, and by 64 images at a time; both\n"
    "give the same bits. `rows`: what the way with fewer of them adds for one image. `of limit`: the time that these need\n"
    "from registers, of the time taken. `expected`: what the cost model says of both ways, by which it chooses, and what its\n"
    "time for the chosen way is made of."
)

SHORTCUT_NOTE = (
    "A ResNet-18 of random ternary weights with one shortcut around each convolution, and the same network without them, both\n"
    "calibrated to the firing rate and run in turns; the ratio is the median over the rounds. GMAC/s counts the convolutions\n"
    "of both alike, and no work of shortcuts. One image was compared with the reference first."
)


def show_rows(console: Console, rows: Sequence[Row], channels: int) -> None:
    """Print one line for each firing rate, and the spread of every ratio."""
    speed, spread = _table(*HEADINGS, *TITLES.values()), _table("firing rate", *TITLES.values())
    for row in rows:
        values = row.as_dict()
        if not row.equal:
            speed.add_row(f"{row.rate:.0%}", "outputs DIFFER", style="bold red")
            continue
        numbers = (f"{values['images_per_s']:.0f}", f"{row.gmacs_per_s:,.0f}", f"{row.share:.0%}", f"{row.peak_mib:,.0f}")
        speed.add_row(f"{row.rate:.0%}", *numbers, *(_ratios(row, name, median) for name in TITLES))
        spread.add_row(f"{row.rate:.0%}", *(f"{_ratios(row, name, min)} - {_ratios(row, name, max)}" for name in TITLES))
    for table in (speed, spread):
        console.print(table, "")
    for note in dict.fromkeys(note for row in rows for note in row.notes):
        console.print(note, style="yellow")
    if any(row.equal for row in rows):
        console.print(NOTE.format(channels=channels, compared=max(row.compared for row in rows)))


def show_shortcuts(console: Console, rows: Iterable[ShortcutRow]) -> None:
    """Print one line for each firing rate: a residual network beside the same one without shortcuts."""
    table = _table("firing rate", "images/s", "without", "GMAC/s", "without", "ratio", "least - most")
    for row in rows:
        if not row.equal:
            table.add_row(f"{row.rate:.0%}", "outputs DIFFER", style="bold red")
            continue
        speeds = [f"{median(each):.1f}" for each in (row.joined, row.plain)]
        macs = [f"{row.macs * median(each) / 1e9:,.0f}" for each in (row.joined, row.plain)]
        spread = f"{min(row.ratios):.2f} - {max(row.ratios):.2f}"
        table.add_row(f"{row.rate:.0%}", *speeds, *macs, f"{median(row.ratios):.2f}", spread)
    console.print(table, "", SHORTCUT_NOTE, sep="\n")


def show_profile(console: Console, rate: float | None, layers: Sequence[LayerProfile]) -> None:
    """Print one line for each layer: both ways and what chose between them; then what the time of the chosen way went into."""
    speed = _table("layer", "source fires", "by events", "by images", "chosen", "rows", "of limit")
    spent = _table("layer", "expected", "chosen", *PARTS)
    for each in layers:
        way = "images" if each.by_images else "events"
        times = (f"{each.rate:.1%}", f"{each.events:.1f}", f"{each.images:.1f}")
        speed.add_row(each.name, *times, way, f"{each.rows:,.0f}", f"{each.share:.0%}")
        expected = f"{each.estimated[0]:.1f} / {each.estimated[1]:.1f}"
        spent.add_row(each.name, expected, way, *(f"{each.parts[part]:.0%}" for part in PARTS))
    total = sum(each.images if each.by_images else each.events for each in layers)
    if rate is not None:
        console.print(f"calibrated to {rate:.0%} firing")
    for table in (speed, spent):
        table.columns[0].justify = "left"
        console.print("", table, sep="\n")
    console.print("", f"{total:,.0f} microseconds per image on one core.", PROFILE_NOTE, sep="\n")


def show_growth(console: Console, points: Iterable[Point], of: str = "ms/image") -> None:
    """Print how time and memory grow with each quantity, and the time against the first value of each."""
    table = _table("what grows", "value", of, "against the first", "MiB")
    first: dict[str, float] = {}
    for each in points:
        times = f"{each.seconds / first.setdefault(each.axis, each.seconds):.2f}"
        table.add_row(each.axis, f"{each.value:g}", f"{each.seconds * 1e3:.2f}", times, f"{each.mib:,.0f}")
    console.print("", table)


def show_training(console: Console, variants: Sequence[Variant], settings: TrainingSettings) -> None:
    """Print one line for each variant to train: its speed, its memory, and how much faster ours is, with the spread."""
    table = _table("", "images/s", "MiB of a step", "snnc is x faster", "least - most")
    for variant in variants:
        values = ratios(list(variants), variant.name)
        spread = (f"{median(values):.2f}", f"{min(values):.2f} - {max(values):.2f}") if variant.name != "snnc" else ("", "")
        table.add_row(variant.name, f"{variant.images_per_s(settings.batch):.1f}", f"{variant.peak_mib:,.0f}", *spread)
    table.columns[0].justify = "left"
    console.print(table, "")
    where = device_name(settings.work().device)
    note = TRAINING_NOTE.format(
        device=where, precision=settings.precision, width=settings.width, batch=settings.batch, steps=settings.timesteps
    )
    console.print(note if where == "cpu" else f"{note}\n{ELSEWHERE_NOTE}")


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _ratios(row: Row, name: str, summary: Callable[[list[float]], float]) -> str:
    values = row.ratios.get(name)
    return f"{summary(values):,.{1 if values[0] < 1000 else 0}f}" if values else "-"
