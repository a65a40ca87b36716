"""Every command that the demo's report prints gives again what the report says next to it."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from snnc.cli.main import main
from snnc.report.page import page as page_of
from snnc.report.provenance import git_commit
from snnc.verification import engines

QUICK = ["--model", "mlp", "--width", "0.03", "--epochs-float", "1", "--epochs-quantized", "1", "--epochs-integer", "1"]


def snnc(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def lasting(text: str) -> str:
    """Return a part of a page without the seconds that engines took, and the command that made it."""
    text = re.sub(r"<td>[0-9.]+</td>(\s*<td class=\"text\">)", r"\1", text)
    return re.sub(r"<tr><td>command</td>.*", "", text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a demo of a small network; without Lava, whose engines are as all others but slow."""
    folder = tmp_path_factory.mktemp("claims")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(engines, "lava_installed", lambda: False)
        result = snnc("demo", *QUICK)
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines()[-1] == "report: snnc-demo/report.html"
        yield folder


def test_every_claim_of_the_demos_report_is_regenerated(folder: Path) -> None:
    page = Path("snnc-demo/report.html").read_text(encoding="utf-8")
    commands = {unescape(found) for found in re.findall(r'<code class="command">(.*?)</code>', page)}
    ran = set[str]()
    for command in sorted(commands, key=lambda each: "simulate" not in each):
        words = shlex.split(command)
        kind = " ".join(words[:2]) if words[0] in ("snnc", "git") else words[0]
        CHECKS[kind](words, page)
        ran.add(kind)
    assert ran | {"git rev-parse"} == set(CHECKS)
    assert ("git rev-parse" in ran) == (git_commit(folder) is not None)


def simulated(words: list[str], page: str) -> None:
    """The page that is made of the report of the same verification is the demo's page, pictures included."""
    assert snnc(*words[1:]).exit_code == 0
    again = page_of(json.loads(Path(words[-1]).read_text(encoding="utf-8")))
    names = re.findall(r'<section id="(\w+)">', page)
    assert names == re.findall(r'<section id="(\w+)">', again) and len(names) == 10
    for name in names:
        assert lasting(part(page, name)) == lasting(part(again, name)), name


def part(page: str, name: str) -> str:
    return page.split(f'<section id="{name}">')[1].split("</section>", maxsplit=1)[0]


def inspected(words: list[str], page: str) -> None:
    found = json.loads(snnc(*words[1:]).stdout)
    assert found["digest"] in part(page, "provenance")
    text = unescape(part(page, "formats"))
    assert all(name in text for name in found["formats"])
    assert all(each in text for rows in found["formats"].values() for each in rows)


def checked(words: list[str], page: str) -> None:
    """The parts of the page are those that what `snnc check` says gives."""
    found = json.loads(snnc(*words[1:]).stdout)
    chip = words[words.index("--chip") + 1]
    again = json.loads(Path("again.json").read_text(encoding="utf-8"))
    said = next(each for each in again["chips"] if each["name"] == chip)
    assert found["violations"] == said["violations"] and found["holds"] == (not said["violations"])
    assert found["mapping"] == said["mapping"]
    assert found["proofs"] == {key: value for key, value in again["proofs"].items() if key != "command"}


def hashed(words: list[str], page: str) -> None:
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        digest, file = line.split()
        assert f"<td>{file}, SHA-256</td><td>{digest}</td>" in page


def versions(words: list[str], page: str) -> None:
    rows = dict(re.findall(r"<td>(snnc|Python|torch|numpy)</td><td>([^<]*)</td>", page))
    assert len(rows) == 4
    assert {f"{name} {version}" for name, version in rows.items()} <= set(snnc(*words[1:]).stdout.splitlines())


def trained(words: list[str], page: str) -> None:
    """Training again gives the very network, and the same history."""
    assert snnc(*words[1:]).exit_code == 0
    first, again = (json.loads(Path(name).read_text()) for name in ("snnc-demo/model.history.json", "again.history.json"))
    for epoch in first["epochs"] + again["epochs"]:
        del epoch["images_per_second"]
    assert first == again
    digest = json.loads(snnc("inspect", "again.pt", "--json").stdout)["digest"]
    assert digest == json.loads(snnc("inspect", "snnc-demo/model.pt", "--json").stdout)["digest"]


def committed(words: list[str], page: str) -> None:
    commit = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    assert f"<td>git commit here</td><td>{commit}" in page


CHECKS = {
    "snnc simulate": simulated,
    "snnc inspect": inspected,
    "snnc check": checked,
    "sha256sum": hashed,
    "snnc --version": versions,
    "snnc train": trained,
    "git rev-parse": committed,
}
