"""The HTML report: complete, self-contained, and safe with names from files."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from random_networks import random_network, random_samples

from snnc.toolchain.simulate.reference import simulate
from snnc.verification.report import report_html, write_report
from snnc.verification.verdict import Verdict

HISTORY = [
    {"stage": phase, "train_accuracy": accuracy, "test_accuracy": accuracy / 2}
    for phase, accuracy in (("float", 0.1), ("float", 0.5), ("integer", 1.0))
]


def verdict(name: str = "n", spoil: bool = False) -> Verdict:
    network = replace(random_network(9), name=name)
    samples = random_samples(network, 2)
    result, reference, other = Verdict(network), simulate(network, samples), simulate(network, samples)
    if spoil:
        other.spikes[network.layers[0].name][0, 0] ^= True
    for trace in (reference, replace(other, engine="other")):
        compared = 2 if trace.engine == "other" else 0
        result.count(trace.engine, trace.outputs(network), np.zeros(2, np.int64), 0.1, compared)
    result.compare(reference, replace(other, engine="other"), 0)
    return result


class Checker(HTMLParser):
    """Collects the text, and every address that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.fetched: list[str | None] = []
        self.tags: set[str] = set()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [value for key, value in attrs if key in ("src", "href")]


def read(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    return checker


def test_it_says_what_was_compared(tmp_path: Path) -> None:
    result = verdict()
    write_report(result, tmp_path / "report.html", history=HISTORY, settings={"seed": 3})
    page = read((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "n: EQUAL" in page.text
    assert all(row.name in page.text for row in result.layers)
    assert result.network.digest()[:16] in page.text
    assert {"svg", "polyline", "table"} <= page.tags
    assert not page.fetched


def test_a_difference_is_named() -> None:
    result = verdict(spoil=True)
    page = read(report_html(result, [], {}))
    assert "n: NOT EQUAL" in page.text
    assert str(result.first_difference) in page.text
    assert "svg" not in page.tags


def test_names_from_files_cannot_add_markup() -> None:
    page = read(report_html(verdict("<script>alert(1)</script>"), [], {"data": "<img src=x>"}))
    assert "script" not in page.tags
    assert "img" not in page.tags
