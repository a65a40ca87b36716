"""The page: complete, self-contained, safe with names from files, and readable at every width."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_runs import small_network, small_run, wrong_engine

from snnc.report.content import content
from snnc.report.page import page
from snnc.report.run import Run
from snnc.report.write import write_report
from snnc.toolchain.errors import ConfigError
from snnc.verification.engines import ENGINES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Checker(HTMLParser):
    """Collects the text, and every address that a browser would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.fetched, self.tags = "", list[str | None](), set[str]()
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        addresses = [value for key, value in attrs if key in ("src", "href", "srcset", "action")]
        self.fetched += [each for each in addresses if not str(each).startswith(("#", "data:image/png;base64,"))]


@pytest.fixture(scope="module")
def run() -> Run:
    return small_run()


def test_it_says_what_was_compared_and_how_to_repeat_it(run: Run) -> None:
    found = content(run)
    html = page(found)
    read = Checker(html)
    assert "small: EQUAL" in read.text
    assert found["verdict"]["line"] in read.text
    assert all(row["name"] in read.text for row in found["layers"]["rows"])
    assert found["provenance"]["network"] in read.text
    assert "class 0" in read.text and "First difference" not in read.text
    assert "'a b.net'" in read.text
    assert {"svg", "table", "img"} <= read.tags
    assert not read.fetched and "url(" not in html and "@import" not in html
    for section in re.findall(r'<section id="(\w+)">(.*?)</section>', html, re.DOTALL):
        assert '<code class="command">' in section[1], section[0]


def test_a_difference_shows_the_neuron_in_both_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "wrong", wrong_engine())
    run = small_run(engines=("wrong",))
    read = Checker(page(content(run)))
    assert "small: NOT EQUAL" in read.text
    assert str(run.verdict.first_difference) in read.text
    assert "wrong" in read.text and "v before" in read.text and "current u" in read.text


def test_names_from_files_cannot_add_markup() -> None:
    evil = "<script>alert(1)</script>\x1b[31m{{ 7 * 7 }}"
    network = small_network(evil)
    last = replace(network.layers[-1], name="<img src=x onerror=y>")
    network = replace(network, layers=(*network.layers[:-1], last), labels=(evil,) * network.classes)
    html = page(content(replace(small_run(network), data="</table><iframe src='http://x'>")))
    read = Checker(html)
    assert not {"script", "iframe"} & read.tags and not read.fetched
    assert "\x1b" not in html
    assert "<script>alert(1)</script>\\x1b[31m{{ 7 * 7 }}" in unescape(html)


def test_the_file_is_whole_or_not_written(run: Run, tmp_path: Path) -> None:
    write_report(run, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    with pytest.raises(ConfigError, match="must end in .html or .htm or .json or .xml"):
        write_report(run, tmp_path / "report.pdf")


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed; this test downloads nothing")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("engine", ["tensor", "wrong"])
def test_nothing_scrolls_sideways_in_a_browser(
    width: int, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame of this width measures the page in it, with a name of 80 letters and a table for each engine."""
    monkeypatch.setitem(ENGINES, "wrong", wrong_engine())
    write_report(small_run(small_network("a" * 80), (engine,)), tmp_path / "report.html")
    script = (
        "onload=()=>{const d=f.contentDocument.documentElement;"
        "document.body.dataset.found=JSON.stringify([d.scrollWidth,d.clientWidth,f.contentDocument.images[0].naturalWidth])}"
    )
    frame = f'<iframe id="f" src="report.html" style="border:0;width:{width}px;height:3000px"></iframe>'
    (tmp_path / "frame.html").write_text(f'<!doctype html><body style="margin:0">{frame}<script>{script}</script></body>')
    scrolled, visible, pixels = json.loads(browser(tmp_path, "--dump-dom"))
    assert visible == width and scrolled <= width
    assert pixels > 0


def browser(folder: Path, *options: str) -> str:
    """Run Chromium on the page with the frame, and return what its script found."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}", "--window-size=1300,3000", *options]
    environment = os.environ | {"HOME": str(folder), "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    address = (folder / "frame.html").as_uri()
    result = subprocess.run([*command, address], capture_output=True, text=True, timeout=60, check=True, env=environment)
    return unescape(re.search(r'data-found="([^"]*)"', result.stdout)[1])  # type: ignore[index]
