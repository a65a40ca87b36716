"""The tables of snnc check: violations, proofs, and the mapping to cores."""

from rich.console import Console
from rich.table import Table

from snnc.toolchain.network.chips import Chip
from snnc.toolchain.network.mapping import Mapping
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.proofs import Proofs
from snnc.toolchain.network.violation import Violation


def show(
    console: Console,
    network: Network,
    chip: Chip,
    broken: list[Violation],
    proved: Proofs,
    mapped: Mapping | None,
    *,
    verbose: bool,
) -> None:
    """Print all that a check found; the partition of every layer only if `verbose`."""
    console.print(f"{network.name} on {chip.title}, {network.digest()[:16]}\n", style="bold")
    _show_proofs(console, network, proved, {layer.name for layer in network.layers if network.is_readout(layer)})
    if mapped:
        _show_mapping(console, mapped, verbose=verbose)
    _show_violations(console, chip, broken)


def _show_proofs(console: Console, network: Network, proved: Proofs, readouts: set[str]) -> None:
    table = _table("for every input", right=("input a", "membrane v", "of limit", "holds", "largest T"))
    for name in dict.fromkeys(row.layer for row in proved.rows):
        rows = [row for row in proved.rows if row.layer == name]
        used = f"{max(row.used for row in rows):.1%}"
        holds = "yes" if all(row.holds for row in rows) else "NO"
        reach = (f"{row.least}..{row.most}" for row in (rows[0], rows[-1]))
        table.add_row(name, *reach, used, holds, _steps(rows[0].largest_timesteps))
    console.print(table)
    never = [f"{count:,} of {name}" for name, count in proved.silent.items() if count and name not in readouts]
    if never:
        console.print(f"neurons that no input makes spike: {', '.join(never)}")
    most = "any number of" if proved.largest_timesteps is None else f"up to {proved.largest_timesteps:,}"
    capped = proved.largest_timesteps is not None and proved.largest_timesteps == network.rule.most_timesteps
    why = f", the most of the read-out {network.readout}" if capped else ""
    console.print(f"no limit can be broken in {most} time steps{why}; the network runs {proved.timesteps}\n")


def _show_mapping(console: Console, mapped: Mapping, *, verbose: bool) -> None:
    console.print("KiB of weights (cores), each neuron with its own (dense) or kernels stored once (shared), at 2 and 8 bits")
    ways = [f"{way.storage} {way.bits}" for way in mapped.layers[0].options]
    table = _table("layer", right=("neurons", "synapses", "fan-in", *ways))
    for layer in mapped.layers:
        stored = (f"{_kib(way.bytes)} ({way.cores:,})" if way.fits else "-" for way in layer.options)
        table.add_row(layer.layer, f"{layer.neurons:,}", f"{layer.synapses:,}", f"{layer.fan_in:,}", *stored)
    console.print(table, "")
    if mapped.activity:
        table = _table("per inference", right=("starts at step", "spikes", "messages", "operations"))
        for layer in mapped.layers:
            measured = (layer.spikes or 0, layer.messages or 0, layer.operations or 0)
            table.add_row(layer.layer, str(layer.depth), *(f"{value:,.1f}" for value in measured))
        console.print(table, "")
    for line in _summary(mapped):
        console.print(line)
    if verbose:
        for layer in mapped.layers:
            cuts = ", ".join(f"{part.first}..{part.last}" for part in layer.parts)
            console.print(f"cores of {layer.layer} at {layer.bits} bit: neurons {cuts}")
    console.print("\nassumed:", *(f"- {each}" for each in mapped.assumptions), "", sep="\n")


def _kib(size: int) -> str:
    return f"{size / 1024:,.1f}" if size < 100 * 1024 else f"{size / 1024:,.0f}"


def _summary(mapped: Mapping) -> list[str]:
    lines = [
        f"{mapped.chip}: {mapped.cores:,} cores, {mapped.storage} kernels, in {mapped.chips} chip{'s' * (mapped.chips > 1)}; "
        f"footprint of weights {mapped.footprint / 1024:,.1f} KiB, connection sparsity {mapped.connection_sparsity:.1%}",
        f"latency {mapped.latency} time steps, pipelined one sample every {mapped.interval}; "
        f"{mapped.relays} relays with {mapped.relay_neurons:,} neurons",
    ]
    if (active := mapped.activity) and mapped.input_messages is not None:
        sent = mapped.input_messages + sum(layer.messages or 0 for layer in mapped.layers)
        lines.append(
            f"per inference, mean of {active.samples} samples: {sum(active.operations.values()):,.0f} synaptic operations "
            f"({active.effective_macs:,.0f} MACs, {active.effective_acs:,.0f} ACs), {sent:,.0f} messages to cores, "
            f"activation sparsity {active.activation_sparsity:.1%}"
        )
    else:
        lines.append("spikes were not measured: name samples with --data")
    return lines


def _show_violations(console: Console, chip: Chip, broken: list[Violation]) -> None:
    for each in broken:
        console.print(f"VIOLATED {each}", style="bold red")
        console.print(f"  value {each.value}, limit {each.limit}, {each.status}: {each.source}")
    said = f"NOT READY: {counted(broken)}" if broken else f"READY: {chip.title} holds the network, no input breaks a limit"
    console.print(said, style="bold red" if broken else "bold green")


def counted(broken: list[Violation]) -> str:
    """Return `1 violation`, `2 violations` ..."""
    return f"{len(broken)} violation{'s' * (len(broken) > 1)}"


def _table(first: str, right: tuple[str, ...]) -> Table:
    table = Table(first, box=None, pad_edge=False, header_style="bold")
    for heading in right:
        table.add_column(heading, justify="right")
    return table


def _steps(steps: int | None) -> str:
    return "any" if steps is None else f"{steps:,}"
