"""Opening files and exporting with a read-back, over every row of TARGETS."""

from dataclasses import replace
from pathlib import Path

import pytest

from snnc.export import TARGETS, read_network
from snnc.session import export_file, load_subject
from snnc.toolchain.errors import ConfigError, FileFormatError


def test_there_are_targets() -> None:
    assert TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gives_back_the_network(tmp_path: Path, tiny_path: Path, target: str) -> None:
    subject, checkpoint = load_subject(tiny_path)
    assert checkpoint is not None
    file = export_file(subject.network, target, tmp_path / f"model{TARGETS[target].suffix}")
    assert read_network(file) == subject.network
    again, no_checkpoint = load_subject(file)
    assert (again.network, again.model, no_checkpoint) == (subject.network, None, None)


def test_the_network_says_where_it_comes_from(tiny_path: Path) -> None:
    subject, _ = load_subject(tiny_path)
    assert subject.network.name == "dense on digits"
    assert subject.network.labels == tuple("0123456789")


def test_a_read_back_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_path: Path) -> None:
    subject, _ = load_subject(tiny_path)
    forgetful = replace(TARGETS["loihi2"], read=lambda path: replace(subject.network, name="other"))
    monkeypatch.setitem(TARGETS, "loihi2", forgetful)
    with pytest.raises(FileFormatError, match="reading it back gave another network"):
        export_file(subject.network, "loihi2", tmp_path / "a.net")


def test_unknown_targets_and_suffixes_are_refused(tmp_path: Path, tiny_path: Path) -> None:
    subject, _ = load_subject(tiny_path)
    with pytest.raises(ConfigError, match="target 'loihi3' is unknown; allowed are loihi2"):
        export_file(subject.network, "loihi3", tmp_path / "a.net")
    with pytest.raises(ConfigError, match=r"output '.*model.pt' must end in .net for target 'loihi2'"):
        export_file(subject.network, "loihi2", tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileFormatError, match=r"a.txt: unknown suffix '.txt'; allowed are .pt, .net"):
        read_network("a.txt")
