"""Fixtures that several tests share: one small trained checkpoint and its exported network."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from leftovers import leftovers
from pages import README, PageRun, run_once

from snnc.export.lava.import_fixes import installed
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.table import load_dataset

if TYPE_CHECKING:  # the core tests run where torch is not installed (make core)
    from snnc.toolchain.training.checkpoint import Checkpoint

settings.register_profile("any machine", deadline=None)  # a busy one takes longer, and is no fault
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Leave threads to the tests that need them: the networks here are too small to gain. Reports of failures stay here."""
    os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.gettempdir()
    os.environ["TMPDIR"] = os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="tests-of-snnc-")
    tempfile.tempdir = None  # where this process puts temporary files is found again
    if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core: trainings in processes of their own keep to one, too
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the reports away."""
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test leaves a process, a temporary folder or shared memory behind."""
    before = leftovers()
    yield
    deadline = time.monotonic() + 5  # for processes that are just ending
    while leftovers() - before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not leftovers() - before


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests that need Lava where it is not installed."""
    if not installed():
        for item in items:
            if item.get_closest_marker("lava"):
                item.add_marker(pytest.mark.skip(reason="Lava is not installed: make dev"))


@pytest.fixture(scope="session", autouse=True)
def memory_goes_back() -> Iterator[None]:
    """Keep `snnc train`, run within this process by a test or a fixture, from changing how all later tests use memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("snnc.toolchain.training.freed_memory.keep_freed_memory", lambda: False)
        yield


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """The file of a small dense network, trained for a second."""
    from training_runs import TINY

    from snnc.training import train

    path = tmp_path_factory.mktemp("trained") / "model.pt"
    train(TINY, path, dataset=digits)
    return path


@pytest.fixture(scope="session")
def tiny(tiny_path: Path) -> "Checkpoint":
    from snnc.toolchain.training.checkpoint import load_checkpoint

    return load_checkpoint(tiny_path)


@pytest.fixture(scope="session")
def readme_run(tmp_path_factory: pytest.TempPathFactory) -> PageRun:
    """All of README's commands and code, run in their order in one folder, once for all processes of these tests.

    The default training among them takes a minute.
    """
    folder = tmp_path_factory.getbasetemp()
    return run_once(README, (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "readme")
