"""What a verification shows while it runs, from Python as from the command line."""

from io import StringIO

import pytest
from random_networks import random_network, random_samples
from rich.console import Console

import snnc
from snnc.verification.engines import Subject
from snnc.verification.planning import plan
from snnc.verification.progress import shown_verdict
from snnc.verification.verify import frames_of


def test_it_shows_each_engine_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    network = random_network(3)
    samples = random_samples(network, 4)
    silent = snnc.verify(network, samples, engines=["tensor"])
    assert not capsys.readouterr().out
    shown = snnc.verify(network, samples, engines=["tensor"], progress=True)
    assert shown.equal and shown.as_dict()["compared"] == silent.as_dict()["compared"]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("tensor: equal on 4 samples, ")


def test_it_says_why_engines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    network = random_network(3)
    snnc.verify(network, random_samples(network, 1), progress=True)
    assert "engine torch left out: " in capsys.readouterr().out


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_shown_where_there_is_room(terminal: bool) -> None:
    network, text = random_network(3), StringIO()
    subject, data = Subject(network), frames_of(network, random_samples(network, 4))
    shown_verdict(Console(file=text, force_terminal=terminal), subject, data, plan(subject, ["tensor"], 4, all_samples=True))
    assert ("8/8" in text.getvalue()) == terminal
