"""Verifications of a small network, as reports are about: all equal, or with an engine that goes wrong at one place."""

from dataclasses import replace

import numpy as np
from random_networks import random_network, random_samples

from snnc.report.run import Run
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.frames import Frames
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.engines import ENGINES, Engine, Subject
from snnc.verification.planning import plan
from snnc.verification.verify import InMemory, frames_of, verifying

SAMPLES = 12
PLACE = (1, 0, 0)  # step, sample and flat index in the second layer of what the wrong engine gets wrong


def wrong_engine() -> Engine:
    """An engine that adds one unit to one membrane of the second layer."""

    def run(subject: Subject, frames: Frames) -> Trace:
        trace = ENGINES["reference"].run(subject, frames)
        name = subject.network.layers[1].name
        step, sample, index = PLACE
        trace.membranes[name].reshape(*trace.membranes[name].shape[:2], -1)[step, sample, index] += 1
        return trace

    return Engine(run)


def small_network(name: str = "small") -> Network:
    """A network of several layers, with labels."""
    network = random_network(9)
    return replace(network, name=name, labels=tuple(f"class {index}" for index in range(network.classes)))


def small_run(network: Network | None = None, engines: tuple[str, ...] = ("tensor",), baseline: str = "reference") -> Run:
    """Verify some engines on a few samples, and return what the report is about."""
    network = network or small_network()
    subject = Subject(network)
    values = frames_of(network, random_samples(network, SAMPLES))
    assert isinstance(values, InMemory)
    data = InMemory(values.frames, np.arange(SAMPLES) % network.classes)
    planned = plan(subject, engines, SAMPLES, all_samples=True)
    planned = replace(planned, counts=dict(sorted(planned.counts.items(), key=lambda each: each[0] != baseline)))
    *_, verdict = verifying(subject, data, planned)
    options = tuple(("--engine", name) for name in engines)
    return Run(verdict, subject, data, "noise", (__file__,), options, ("snnc", "simulate", "a b.net"))
