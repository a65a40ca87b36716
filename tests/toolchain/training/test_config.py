"""Settings: defaults, TOML, overrides, and what is refused."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.config import TrainConfig


def test_toml_and_overrides(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('model = "mlp"\nlr = 1\nepochs_float = 3\n')
    config = TrainConfig.from_toml(file).replaced(seed=4)
    assert (config.model, config.lr, config.epochs_float, config.seed) == ("mlp", 1.0, 3, 4)
    assert isinstance(config.lr, float)
    assert config.delta == TrainConfig().delta


def test_it_survives_its_dictionary() -> None:
    config = TrainConfig(seed=3, alpha=0.5)
    assert TrainConfig.from_dict(config.as_dict()) == config


def test_every_setting_has_a_help_text_and_is_frozen() -> None:
    assert fields(TrainConfig)
    assert all(setting.metadata["help"].endswith(".") for setting in fields(TrainConfig))
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
