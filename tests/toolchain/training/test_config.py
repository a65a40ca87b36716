"""Settings: defaults, TOML, overrides, and what is refused."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.settings import Settings, settings_of
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import METHODS
from snnc.toolchain.training.methods.kd import Distilling


def test_toml_and_overrides(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('model = "mlp"\nlr = 1\nepochs_float = 3\n')
    config = TrainConfig.from_toml(file).replaced(seed=4)
    assert (config.model, config.lr, config.epochs_float, config.seed) == ("mlp", 1.0, 3, 4)
    assert isinstance(config.lr, float)
    assert config.delta == TrainConfig().delta


def test_it_survives_its_dictionary() -> None:
    config = TrainConfig(seed=3).replaced(alpha=0.5)
    assert TrainConfig.from_dict(config.as_dict()) == config


def test_every_setting_has_a_help_text_and_is_frozen() -> None:
    kinds: list[type[Settings]] = [TrainConfig, *(method.settings for method in METHODS.values())]
    assert all(each.metadata["help"].endswith(".") for kind in kinds for each in settings_of(kind))
    with pytest.raises(FrozenInstanceError):
        TrainConfig().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch_float": 3}, "setting 'epoch_float' is unknown; did you mean 'epochs_float'?"),
        ({"xyz": 3}, "setting 'xyz' is unknown; allowed are data, image_size, model"),
        ({"lr": "fast"}, "setting 'lr' is 'fast'; it must be of type float"),
        ({"seed": 1.5}, "setting 'seed' is 1.5; it must be of type int"),
        ({"seed": True}, "setting 'seed' is True; it must be of type int"),
        ({"timesteps": 0}, "setting 'timesteps' is 0; allowed are 1 to 1024"),
        ({"lr": float("nan")}, "setting 'lr' is nan"),
        ({"schedule": "linear"}, "schedule 'linear' is unknown; allowed are cosine, exponential"),
    ],
)
def test_bad_settings_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_dict(values)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"lr = ", b"\xff\xfe", None])
def test_an_unreadable_toml_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "run.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="run.toml: not a readable TOML file"):
        TrainConfig.from_toml(file)


def test_settings_of_the_method_lie_flat_and_are_routed() -> None:
    config = TrainConfig.from_dict({"method": "kd-ce", "alpha": 1, "teacher": "a.pt", "seed": 2})
    assert config.method_settings == METHODS["kd-ce"].settings(alpha=1.0, teacher="a.pt")
    assert {"alpha": 1.0, "teacher": "a.pt", "seed": 2}.items() <= config.as_dict().items()
    assert "method_settings" not in config.as_dict()
    assert len({config, config.replaced(seed=2), config.replaced(alpha=2)}) == 2


def test_another_method_keeps_what_both_have() -> None:
    config = TrainConfig().replaced(alpha=0.5, method="kd-ce")
    assert config.method_settings == METHODS["kd-ce"].settings(alpha=0.5)
    assert config.replaced(method="tna3").method_settings.alpha == 0.5
    assert config.replaced(method="baseline").method_settings.as_dict() == {}
    assert config.replaced(method="baseline").replaced(method="tna").method_settings.alpha == 0.1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"method": "baseline", "alpha": 0.1},
            "method 'baseline' has no setting 'alpha'; leave it out, or choose one of tna, ",
        ),
        ({"teacher": ""}, "method 'tna' has no setting 'teacher'; leave it out, or choose one of kd, kd-ce"),
        ({"alpha": -1}, "setting 'alpha' is -1.0; allowed are 0 to"),
        ({"method": "kd", "techer": "a.pt"}, "setting 'techer' is unknown; did you mean 'teacher'?"),
        ({"method": "magic"}, "method 'magic' is unknown; allowed are baseline, tna, tna3, kd, kd-ce"),
    ],
)
def test_settings_of_other_methods_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_dict(values)
    assert message in str(caught.value)


def test_settings_of_another_type_are_refused() -> None:
    with pytest.raises(ConfigError, match="method_settings are Distilling; method 'tna' takes Matching"):
        TrainConfig(method_settings=Distilling())


def test_a_bad_setting_in_a_file_is_located(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("epoch_float = 3\n")
    with pytest.raises(ConfigError, match="run.toml: setting 'epoch_float' is unknown"):
        TrainConfig.from_toml(tmp_path / "run.toml")
