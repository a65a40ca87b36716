"""One run of a plan: trains, and measures the network at both moments. It can run in a process of its own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from typing import Any, Self

from snnc.experiments.plan import CHIP, PAPER, Measured, Run
from snnc.graph_start import from_nir, is_graph
from snnc.models import build_model
from snnc.models.checkpoint_start import checkpoint_start
from snnc.models.python_file import name_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.held_out import hold_out
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.training.batches import on_device
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.evaluation import wrong_samples
from snnc.toolchain.training.stages import stages
from snnc.toolchain.training.train import Start, Training

Measure = Callable[[Training, str], dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """What a process needs to know of one run; `named` is the model that its plan names, which `init` may hold.

    `reading` says how `init` is read, if it is a graph.
    """

    row: str
    config: TrainConfig
    held_out: int
    measure: str
    init: str = ""
    named: str = ""
    reading: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the job of plain values, those of its `config` as `TrainConfig.as_dict` gives them. Raises ConfigError."""
        return cls(**values | {"config": TrainConfig.from_dict(values["config"])})


def run_job(job: Job) -> Run:
    """Train one network and return what was measured. Raises whatever training raises."""
    dataset = _dataset(job.config.data, job.config.timesteps, job.config.image_size, job.held_out)
    measure = measure_named(job.measure) if job.measure else None
    for model in (job.named, job.config.model):  # Python files run only if they are named
        name_model(model)
    start = _start(job, dataset) if job.init else None
    training = Training(
        job.config, dataset, lambda config: build_model(config, dataset.input, len(dataset.labels)), start=start
    )
    training.watched = on_device(dataset.test.first(1), dataset.input, training.launched.device)  # nobody looks between moments
    epochs = sum(stage.epochs for stage in stages(job.config) if stage.phase is not Phase.INTEGER)
    paper = _measured(training, PAPER, measure) if epochs == 0 else None
    seconds, started = 0.0, time.perf_counter()
    for epoch in training.run(Callback()):
        if epoch.number == epochs:
            seconds += time.perf_counter() - started
            paper = _measured(training, PAPER, measure)
            started = time.perf_counter()
    seconds += time.perf_counter() - started
    if paper is None or training.base.phase is not Phase.INTEGER:
        raise ConfigError(f"row {job.row!r} never comes to the chip's integers; its method's stages must end with them")
    return Run(job.row, job.config.seed, round(seconds, 1), paper, _measured(training, CHIP, measure))


def _start(job: Job, dataset: Dataset) -> Start:
    if is_graph(job.init):
        return partial(from_nir(job.init, **job.reading).load, dataset=dataset)
    return checkpoint_start(job.init).load


def measure_named(name: str) -> Measure:
    """Return the function that `module:function` names. Raises ConfigError if there is none."""
    module, _, function = name.partition(":")
    try:
        found: Measure = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError):
        raise ConfigError(f"measure {name!r} cannot be imported; write module:function, such as my_experiment:spikes") from None
    return found


def _measured(training: Training, moment: str, measure: Measure | None) -> Measured:
    wrong, rates = wrong_samples(training.base, training.data.test)
    extra = measure(training, moment) if measure else {}
    rounded = {name: round(rate, 5) for name, rate in rates.items()}
    share = round(training.history[-1].matching_share, 5) if training.history else 0.0
    return Measured(len(training.data.test) - len(wrong), tuple(wrong), rounded, extra, share)


@cache
def _dataset(name: str, timesteps: int, image_size: int, held_out: int) -> Dataset:
    whole = load_dataset(name, timesteps, image_size)
    return hold_out(whole, held_out) if held_out else whole
