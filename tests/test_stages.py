"""The stages of a run: which, in which order, for how many epochs."""

from snnc.toolchain.config import TrainConfig
from snnc.toolchain.layers import Phase
from snnc.toolchain.methods import METHODS
from snnc.toolchain.stages import epochs_of, stages

CONFIG = TrainConfig(epochs_float=3, epochs_quantised=4, epochs_integer=2)


def test_three_phases() -> None:
    assert [(stage.name, stage.phase, stage.epochs) for stage in stages(CONFIG)] == [
        ("float", Phase.FLOAT, 3),
        ("quantised", Phase.QUANTISED, 4),
        ("integer", Phase.INTEGER, 2),
    ]
    assert [stage.lr for stage in stages(CONFIG)] == [CONFIG.lr, CONFIG.lr, CONFIG.lr_integer]
    assert epochs_of(CONFIG) == 9


def test_a_frozen_twin_is_trained_first_unless_it_is_given() -> None:
    frozen = [name for name, method in METHODS.items() if method.frozen]
    assert frozen == ["kd", "kd-ce"]
    for name in frozen:
        first, *others = stages(CONFIG.but(method=name))
        assert (first.name, first.epochs, first.trains_twins_alone) == ("twin", 7, True)
        assert others == stages(CONFIG)
        assert not any(stage.trains_twins_alone for stage in others)
        assert stages(CONFIG.but(method=name, teacher="twin.pt")) == stages(CONFIG)
