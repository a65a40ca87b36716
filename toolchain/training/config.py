"""All settings of a training run: one frozen dataclass, readable from TOML, every field an option of the command line."""

import tomllib
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from snnc.toolchain.errors import ConfigError, located, one_line
from snnc.toolchain.network.lif import DECAY_UNITY
from snnc.toolchain.network.readout import READOUTS
from snnc.toolchain.settings import Settings, names_of, setting, settings_of
from snnc.toolchain.training.methods import METHODS, method_named

MOST_TOML = 2**20  # bytes


def nearest_beta(beta: float) -> float:
    """Return the nearest share of a membrane that chips can keep: k / 4096, k in 1..4096."""
    return min(max(round(beta * DECAY_UNITY), 1), DECAY_UNITY) / DECAY_UNITY


@dataclass(frozen=True)
class TrainConfig(Settings):
    """All settings of a training; the defaults train CIFARNet on the handwritten digits that come with snnc.

    The settings of the training method lie in `method_settings`, whose type is that of the method's row; `from_dict`,
    `from_toml`, `replaced` and `as_dict` use their names as if they were fields: `TrainConfig().replaced(alpha=0.01)`.

    Deckers et al. 2024 (arXiv 2409.15849) leave open how often the learning rate decays; here it decays every
    `decay_every` epochs and, with `restart`, starts again when weights are quantized. "cosine" instead falls to 0
    over each phase, or over both without `restart`. The integer phase always has a schedule of its own.
    """

    data: str = setting(
        "digits",
        "Dataset, such as digits; a file .npz, .npy or .h5; a folder of images or events; USER/NAME of the Hugging Face hub.",
    )
    image_size: int = setting(0, "Side that images or event frames are scaled to; 0 leaves them as they are.", 0, 4096)
    model: str = setting(
        "cifarnet", "Architecture: cifarnet, mlp, resnet, ffn; its text, such as 16C3-AP2-64FC; or FILE.py:FUNCTION."
    )
    width: float = setting(0.125, "Scales the channels of every hidden layer.", 1e-3, 64)
    depth: int = setting(1, "Blocks of ffn, and of each stage of resnet (2: ResNet-18).", 1, 1000)
    shortcuts: str = setting("conv", "Shortcuts of resnet and ffn: around what.", choices=("none", "block", "conv", "both"))
    gain: float = setting(1.0, "Strength of a shortcut in thresholds.", 1 / 64, 64)
    readout: str = setting("membrane", "What says the class: membranes, spike counts, or the first spike.", choices=READOUTS)
    timesteps: int = setting(5, "Time steps T per sample.", 1, 1024)
    method: str = setting("tna", "Training method.", choices=METHODS)
    weights: str = setting("ternary", "Hidden weights: float, ternary, binary, binary-centered; posterior (bisnn-bayes only).")
    delta: float = setting(0.1, "Weights within [-delta, delta] become 0 when ternarized.", 0)
    beta: float = setting(0.5, "Share of the membrane kept at each step; the nearest k / 4096 is taken.", 1 / 4096, 1)
    threshold: float = setting(1.0, "Threshold of spiking layers, in deviations of their input.", 1 / 64, 64)
    surrogate: str = setting("boxcar", "Surrogate gradient: boxcar, arctan or fast-sigmoid.")
    temporal_gradient: bool = setting(True, "Whether gradients of hidden layers flow through time; not: SLTT.")
    dropout: float = setting(0.2, "Dropout of the fully connected layers.", 0, 0.99)
    epochs_float: int = setting(15, "Epochs at full precision.", 0)
    epochs_quantized: int = setting(15, "Epochs with quantized hidden weights.", 0)
    epochs_integer: int = setting(10, "Epochs in the chip's integers.", 0)
    batch_size: int = setting(128, "Samples per step.", 2, 2**24)
    lr: float = setting(0.01, "Learning rate of Adam in the first two phases.", 0, 1000)
    lr_integer: float = setting(0.002, "Learning rate of Adam in the integer phase.", 0, 1000)
    schedule: str = setting("cosine", "Learning rate over each phase.", choices=("cosine", "exponential"))
    gamma: float = setting(0.928, "Factor of the exponential schedule.", 0, 1)
    decay_every: int = setting(1, "Epochs between two decays of the exponential schedule.", 1)
    restart: bool = setting(True, "Whether the learning rate starts again when weights are quantized.")
    accumulate: int = setting(1, "Batches whose gradients make one optimizer step.", 1, 2**24)
    shift: int = setting(1, "Augmentation: shift each image by up to this many pixels.", 0, 64)
    flip: float = setting(0.0, "Augmentation: share of the images that are mirrored.", 0, 1)
    rotate: float = setting(0.0, "Augmentation: rotate each image by up to this many degrees.", 0, 180)
    shear: float = setting(0.0, "Augmentation: shear each image by up to this many degrees.", 0, 80)
    validation: int = setting(0, "Training samples that are held out, to choose the best epoch by.", 0)
    patience: int = setting(0, "Epochs without a better one on these after which a phase ends; 0: all are trained.", 0)
    seed: int = setting(0, "Seed of initialization, order and augmentation.", 0, 2**32 - 1)
    device: str = setting("cpu", "Device of torch: cpu, cuda, cuda:1, mps ...")
    precision: str = setting(
        "float32", "Outside the integer phase; bf16 and fp16 need Lightning Fabric.", choices=("float32", "bf16", "fp16")
    )
    devices: int = setting(1, "Devices on each node (several need Lightning Fabric); batch_size is that of one.", 1)
    nodes: int = setting(1, "Machines.", 1)
    strategy: str = setting("ddp", "How Lightning Fabric shares the work of several devices.")
    method_settings: Any = None  # of the type that the row of METHODS names; None: its defaults

    def __post_init__(self) -> None:
        """Raise ConfigError for a value of the wrong type, outside its range or not among its choices."""
        super().__post_init__()
        object.__setattr__(self, "beta", nearest_beta(self.beta))
        if reason := READOUTS[self.readout].excess(self.timesteps):
            raise ConfigError(reason)
        if self.patience and not self.validation:
            raise ConfigError(f"patience is {self.patience}, and no samples are held out to look at; set validation as well")
        kind = method_named(self.method).settings
        if self.method_settings is None:
            object.__setattr__(self, "method_settings", kind())
        if type(self.method_settings) is not kind:
            raise ConfigError(
                f"method_settings are {type(self.method_settings).__name__}; method {self.method!r} takes {kind.__name__}"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a configuration from names and values; what is not named keeps its default. Raises ConfigError."""
        return cls().replaced(**values)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read a TOML file of settings. Raises ConfigError if it cannot be read or names an unknown setting."""
        try:
            if not Path(path).is_file() or Path(path).stat().st_size > MOST_TOML:
                raise ConfigError(f"{path}: not a readable TOML file: no file, or one of more than {MOST_TOML:,} bytes")
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:  # ValueError: bad text, or a number of thousands of digits
            raise ConfigError(f"{path}: not a readable TOML file: {one_line(error)}") from None
        with located(str(path)):
            return cls.from_dict(values)

    def replaced(self, /, **changes: Any) -> Self:
        """Return this configuration with some settings changed, those of the method among them.

        With another `method`, settings that both methods have keep their values, unless those are the old method's defaults.
        Raises ConfigError for an unknown name, a setting that the method does not have, or a bad value.
        """
        name = changes.get("method", self.method)
        kind = method_named(name).settings
        common, own = names_of(TrainConfig), names_of(kind)
        for changed in changes:
            if changed not in common + own:
                raise _no_such_setting(changed, name, common + own)
        kept = {name: value for name, value in _not_default(self.method_settings).items() if name in own}
        settings = kind(**kept | {name: changes[name] for name in own if name in changes})
        return replace(self, **{name: changes[name] for name in common if name in changes}, method_settings=settings)

    def as_dict(self) -> dict[str, Any]:
        """Return all settings as plain values, those of the method beside the others."""
        own: dict[str, Any] = self.method_settings.as_dict()
        return super().as_dict() | own


def _no_such_setting(name: str, method: str, allowed: list[str]) -> ConfigError:
    owners = methods_with(name)
    if owners:
        return ConfigError(f"method {method!r} has no setting {name!r}; leave it out, or choose one of {', '.join(owners)}")
    close = get_close_matches(name, allowed, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
    return ConfigError(f"setting {name!r} is unknown; {hint}")


def methods_with(name: str) -> list[str]:
    """Return the methods that have a setting of that name of their own."""
    return [row for row, method in METHODS.items() if name in names_of(method.settings)]


def _not_default(settings: Settings) -> dict[str, Any]:
    return {each.name: value for each in settings_of(type(settings)) if (value := getattr(settings, each.name)) != each.default}
