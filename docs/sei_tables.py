"""Writes the tables and the figure of docs/sei.md from docs/results/sei.json: `python docs/sei_tables.py`.

A test fails where the page has another table.
"""

import re
from pathlib import Path
from statistics import mean

from snnc.experiments.results_file import Results, read_results
from snnc.experiments.statistics import holm, interval, paired_t

DOCS = Path(__file__).parent
RESULTS = DOCS / "results" / "sei.json"
MARKED = re.compile(r"(<!-- sei: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
LEVEL = 0.05
# What each comparison is about: the name shown, the row, and the row that differs from it in that one thing.
COMPARED = {
    "a shortcut around each convolution, not none": ("conv, KD, SE", "none, KD, SE"),
    "around each convolution, not around each block": ("conv, KD, SE", "block, KD, SE"),
    "both kinds, not around each convolution alone": ("both, KD, SE", "conv, KD, SE"),
    "a teacher": ("conv, KD, SE", "conv, SE"),
    "self-ensemble": ("conv, KD, SE", "conv, KD"),
    "teacher and self-ensemble": ("conv, KD, SE", "conv, baseline"),
    "a shortcut, in `baseline`": ("conv, baseline", "none, baseline"),
    "`tna`, not `baseline`": ("conv, tna", "conv, baseline"),
    "teacher and self-ensemble, T = 5": ("conv, KD, SE, T = 5", "conv, baseline, T = 5"),
    "five steps, not two": ("conv, KD, SE, T = 5", "conv, KD, SE"),
}


def accuracies(results: Results, row: str) -> dict[int, float]:
    """Return the accuracy on the chip of each seed, in percent."""
    return {run.seed: run.chip.accuracy for run in results.of(row)}


def rows(results: Results) -> list[str]:
    """Return every row with its accuracy and what it costs."""
    lines = ["| row | seeds | accuracy, % | parameters | spikes | synaptic operations |", "|---|---|---|---|---|---|"]
    for row in results.rows:
        runs = results.of(row)
        if runs:
            costs = [mean(run.chip.extra[what] for run in runs) for what in ("parameters", "spikes", "operations")]
            numbers = " | ".join(f"{cost:,.0f}" for cost in costs)
            lines.append(f"| {row} | {len(runs)} | {interval(list(accuracies(results, row).values())).text()} | {numbers} |")
    return lines


def differences(results: Results) -> list[tuple[str, list[float]]]:
    """Return each comparison with the differences of the seeds that both rows have."""
    found = []
    for what, pair in COMPARED.items():
        one, other = (accuracies(results, row) for row in pair)
        shared = sorted(one.keys() & other.keys())
        if len(shared) > 1:
            found.append((what, [one[seed] - other[seed] for seed in shared]))
    return found


def compared(results: Results) -> list[str]:
    """Return every paired difference with its interval, and what is left of its p-value after Holm's correction."""
    pairs = differences(results)
    if not pairs:
        return ["No two rows have two seeds in common yet, so no difference can be told from chance."]
    corrected = holm([paired_t(each) for _, each in pairs])
    lines = ["| what | seeds | difference, points | p | p, Holm | |", "|---|---|---|---|---|---|"]
    for (what, each), p in zip(pairs, corrected, strict=True):
        verdict = "significant" if p < LEVEL else "not significant"
        chance = f"{paired_t(each):.3f} | {p:.3f}"
        lines.append(f"| {what} | {len(each)} | {interval(each).text(signed=True)} | {chance} | {verdict} |")
    return [*lines, "", "![Differences with 95 % intervals, a dot for each seed](sei.svg)"]


TABLES = {"rows": rows, "compared": compared}


def filled(text: str, results: Results) -> str:
    """Return the text of the page with its tables as the results have them."""
    return MARKED.sub(lambda found: found[1] + "\n" + "\n".join(TABLES[found[2]](results)) + "\n\n" + found[3], text)


def figure(results: Results) -> str:
    """Return a picture (SVG) of the differences: a bar from end to end of each 95 % interval, a dot for each seed."""
    pairs = differences(results)
    reach = max((abs(value) for _, each in pairs for value in each), default=1.0) * 1.15
    width, left, line = 760, 330, 26
    scale = (width - left - 20) / (2 * reach)

    def place(value: float) -> float:
        return round(left + (max(-reach, min(reach, value)) + reach) * scale, 1)

    height = line * (len(pairs) + 2)
    parts = [f"<line x1='{place(0)}' x2='{place(0)}' y1='6' y2='{height - line}' stroke='#888'/>"]
    for index, (what, each) in enumerate(pairs):
        y, found = line * (index + 1) - 6, interval(each)
        ends = place(found.mean - found.half), place(found.mean + found.half)
        parts.append(f"<text x='{left - 10}' y='{y + 4}' text-anchor='end'>{what.replace('`', '')}</text>")
        parts.append(f"<line x1='{ends[0]}' x2='{ends[1]}' y1='{y}' y2='{y}' stroke='#4c72b0' stroke-width='6' opacity='.45'/>")
        parts += [f"<circle cx='{place(value)}' cy='{y}' r='3' fill='#222'/>" for value in each]
    for value in (-round(reach), 0, round(reach)):
        parts.append(f"<text x='{place(value)}' y='{height - 8}' text-anchor='middle'>{value:+d}</text>")
    style = f"viewBox='0 0 {width} {height}' font-family='system-ui, sans-serif' font-size='12'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {style}>{''.join(parts)}</svg>\n"


def _kept() -> str:
    return figure(read_results(RESULTS))


FIGURES = {"sei.svg": _kept}


if __name__ == "__main__":
    kept, page = read_results(RESULTS), DOCS / "sei.md"
    page.write_text(filled(page.read_text(encoding="utf-8"), kept), encoding="utf-8")
    for name, draw in FIGURES.items():
        (DOCS / name).write_text(draw(), encoding="utf-8")
