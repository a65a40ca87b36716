"""All settings of a training run: one frozen dataclass, readable from TOML, every field an option of the command line."""

import tomllib
from dataclasses import Field, asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Self

from snnc.toolchain.errors import ConfigError

CHOICES = {"schedule": ("cosine", "exponential"), "precision": ("float32", "bf16", "fp16")}


def _setting(default: Any, text: str, least: float = -1e30, most: float = 1e30) -> Any:
    return field(default=default, metadata={"help": text, "least": least, "most": most})


@dataclass(frozen=True)
class TrainConfig:
    """What to train, and how; the defaults train CIFARNet on scikit-learn's handwritten digits in under a minute.

    Deckers et al. 2024 (arXiv 2409.15849) leave open how often the learning rate decays; here it decays every
    `decay_every` epochs and, with `restart`, starts anew when weights are quantized. "cosine" instead falls to 0
    over each phase, or over both without `restart`. The integer phase always has a schedule of its own.
    """

    data: str = _setting("digits", "Dataset: a row of DATASETS.")
    image_size: int = _setting(0, "Side that images or event frames are scaled to; 0 leaves them as they are.", 0, 4096)
    model: str = _setting("cifarnet", "Architecture: a row of MODELS.")
    width: float = _setting(0.125, "Scales the channels of every hidden layer.", 1e-3, 64)
    timesteps: int = _setting(5, "Time steps T per sample.", 1, 1024)
    method: str = _setting("tna", "Training method: a row of METHODS.")
    weights: str = _setting("ternary", "Hidden weights: float, ternary or binary.")
    alpha: float = _setting(1e-3, "Weight of the logit-matching loss between base and twin.", 0)
    delta: float = _setting(0.1, "Weights within [-delta, delta] become 0 when ternarized.", 0)
    beta: float = _setting(0.5, "Share of the membrane kept at each step; k / 4096.", 1 / 4096, 1)
    surrogate: str = _setting("boxcar", "Surrogate gradient: boxcar, arctan or fast-sigmoid.")
    dropout: float = _setting(0.2, "Dropout of the fully connected layers.", 0, 0.99)
    teacher: str = _setting("", "Checkpoint of the frozen twin of kd and kd-ce; without one, a twin is trained first.")
    epochs_float: int = _setting(15, "Epochs at full precision.", 0)
    epochs_quantized: int = _setting(15, "Epochs with quantized hidden weights.", 0)
    epochs_integer: int = _setting(10, "Epochs in the chip's integers.", 0)
    batch_size: int = _setting(128, "Samples per step.", 2, 2**24)
    lr: float = _setting(0.01, "Learning rate of Adam in the first two phases.", 0, 1000)
    lr_integer: float = _setting(0.002, "Learning rate of Adam in the integer phase.", 0, 1000)
    schedule: str = _setting("cosine", "Learning rate over each phase: cosine or exponential.")
    gamma: float = _setting(0.928, "Factor of the exponential schedule.", 0, 1)
    decay_every: int = _setting(1, "Epochs between two decays of the exponential schedule.", 1)
    restart: bool = _setting(True, "Whether the learning rate starts anew when weights are quantized: true or false.")
    accumulate: int = _setting(1, "Batches whose gradients make one optimizer step.", 1, 2**24)
    shift: int = _setting(1, "Augmentation: shift each image by up to this many pixels.", 0, 64)
    flip: float = _setting(0.0, "Augmentation: share of the images that are mirrored.", 0, 1)
    rotate: float = _setting(0.0, "Augmentation: rotate each image by up to this many degrees.", 0, 180)
    shear: float = _setting(0.0, "Augmentation: shear each image by up to this many degrees.", 0, 80)
    seed: int = _setting(0, "Seed of initialization, order and augmentation.", 0, 2**32 - 1)
    device: str = _setting("cpu", "Device of torch: cpu, cuda, cuda:1, mps ...")
    precision: str = _setting("float32", "Outside the integer phase: float32, bf16 or fp16 (needs Lightning Fabric).")
    devices: int = _setting(1, "Devices on each node (several need Lightning Fabric); batch_size is that of one.", 1)
    nodes: int = _setting(1, "Machines.", 1)
    strategy: str = _setting("ddp", "How Lightning Fabric shares the work of several devices.")

    def __post_init__(self) -> None:
        """Raise ConfigError for a value of the wrong type or outside its range."""
        for setting in fields(self):
            object.__setattr__(self, setting.name, _checked(setting, getattr(self, setting.name)))
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} {getattr(self, name)!r} is unknown; allowed are {', '.join(allowed)}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a configuration from names and values; what is not named keeps its default. Raises ConfigError."""
        return cls().replaced(**values)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read a TOML file of settings. Raises ConfigError if it cannot be read or names an unknown setting."""
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: not a readable TOML file: {error}") from None
        return cls.from_dict(values)

    def replaced(self, **changes: Any) -> Self:
        """Return this configuration with some settings changed. Raises ConfigError for an unknown name or a bad value."""
        allowed = [setting.name for setting in fields(self)]
        for name in changes:
            if name not in allowed:
                close = get_close_matches(name, allowed, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
                raise ConfigError(f"setting {name!r} is unknown; {hint}")
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Return all settings as plain values."""
        return asdict(self)


def _checked(setting: "Field[Any]", value: Any) -> Any:
    kind = type(setting.default)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"setting {setting.name!r} is {value!r}; it must be of type {kind.__name__}")
    least, most = setting.metadata["least"], setting.metadata["most"]
    if isinstance(value, float) and not isfinite(value):
        raise ConfigError(f"setting {setting.name!r} is {value}; it must be finite")
    if kind in (int, float) and not least <= value <= most:
        raise ConfigError(f"setting {setting.name!r} is {value}; allowed are {least} to {most}")
    return value
