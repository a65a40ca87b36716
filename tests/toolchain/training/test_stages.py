"""The stages of a run: which, in which order, for how many epochs."""

from math import cos, pi

import pytest

from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.stages import epochs_of, learning_rate, stages

CONFIG = TrainConfig(epochs_float=3, epochs_quantized=4, epochs_integer=2)


def test_three_phases() -> None:
    assert [(stage.name, stage.phase, stage.epochs) for stage in stages(CONFIG)] == [
        ("float", Phase.FLOAT, 3),
        ("quantized", Phase.QUANTIZED, 4),
        ("integer", Phase.INTEGER, 2),
    ]
    assert [stage.lr for stage in stages(CONFIG)] == [CONFIG.lr, CONFIG.lr, CONFIG.lr_integer]
    assert epochs_of(CONFIG) == 9


def test_the_learning_rate_falls_along_a_cosine_and_restarts() -> None:
    first, second, last = stages(CONFIG)
    assert [learning_rate(CONFIG, first, epoch) for epoch in range(4)] == pytest.approx([0.01, 0.0075, 0.0025, 0], abs=1e-12)
    assert learning_rate(CONFIG, second, 0) == 0.01
    assert learning_rate(CONFIG, last, 0) == CONFIG.lr_integer


def test_without_a_restart_one_schedule_spans_both_phases() -> None:
    config = CONFIG.replaced(restart=False)
    first, second, last = stages(config)
    rates = [learning_rate(config, first, epoch) for epoch in range(3)] + [learning_rate(config, second, 0)]
    assert rates == pytest.approx([0.005 * (1 + cos(pi * epoch / 7)) for epoch in range(4)])
    assert learning_rate(config, last, 0) == CONFIG.lr_integer


def test_an_exponential_schedule_decays_every_few_epochs() -> None:
    config = CONFIG.replaced(schedule="exponential", gamma=0.5, decay_every=2)
    first, second, _ = stages(config)
    assert [learning_rate(config, first, epoch) for epoch in range(3)] == pytest.approx([0.01, 0.01, 0.005])
    assert learning_rate(config, second, 0) == 0.01
    second = stages(config.replaced(restart=False))[1]
    assert [learning_rate(config, second, epoch) for epoch in range(3)] == pytest.approx([0.005, 0.0025, 0.0025])


def test_a_frozen_twin_is_trained_first_unless_it_is_given() -> None:
    for name in ("kd", "kd-ce"):
        first, *others = stages(CONFIG.replaced(method=name))
        assert (first.name, first.epochs, first.alone) == ("twin", 7, "twin")
        assert others == stages(CONFIG)
        assert not any(stage.alone for stage in others)
        assert stages(CONFIG.replaced(method=name, teacher="twin.pt")) == stages(CONFIG)
