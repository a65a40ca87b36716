"""What an experiment trains: named rows of settings, seeds, and what is measured; and what one run of it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from snnc.graph_start import is_graph
from snnc.toolchain.errors import ConfigError, one_line
from snnc.toolchain.training.config import TrainConfig

PAPER, CHIP = "paper", "chip"
MOMENTS = (PAPER, CHIP)  # the end of the paper's two phases, and of the integer phase: the network as it is exported


@dataclass(frozen=True)
class Plan:
    """An experiment: every row is trained from every seed.

    Args:
        base: the settings that all rows share; its seed does not count.
        rows: name of a row -> the settings it changes, those of its method among them, as `TrainConfig.replaced` takes them.
        seeds: the seeds of each row; another call may take more.
        held_out: 0 measures on the test split. Otherwise this many samples of the training split are held out, as many of
            each class as can be, and all is measured on those: settings are chosen so, without ever looking at test samples.
        measure: `module:function` of what is measured beyond accuracy: `function(training, moment)` gets the `Training` when
            its base network stands at a moment of MOMENTS (`training.base`, `training.companions`, `training.data.test`,
            `training.config`) and returns a dict that JSON can hold. Empty: nothing.
        init: a checkpoint whose layers the base network of every run starts from (models/checkpoint_start.py), or a NIR graph
            whose weights it takes, where `base` has its architecture (`snnc.from_nir`). Empty: none.
        reading: how that graph is read, the arguments of `snnc.from_nir`, as JSON can hold them.

    Example:
        >>> import snnc
        >>> from snnc.experiments.plan import Plan
        >>> plan = Plan(snnc.TrainConfig(), {"T-SNN": {"method": "baseline"}, "TNA": {"alpha": 0.1}}, range(5))
        >>> plan.config("TNA", 3).method_settings.alpha
        0.1
    """

    base: TrainConfig
    rows: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int]
    held_out: int = 0
    measure: str = ""
    init: str = ""
    reading: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ConfigError for settings of a row that do not fit together."""
        for row in self.rows:
            self._check_model(row, self.config(row, 0).model)
        if self.held_out < 0:
            raise ConfigError(f"held_out is {self.held_out}; allowed are 0 (measure on the test split) and more")

    def _check_model(self, row: str, model: str) -> None:
        if is_graph(model):
            raise ConfigError(f"row {row!r}: {model} is a graph, from which all runs start or none; name it as init (--graph)")
        if is_graph(self.init) and model != self.base.model:
            raise ConfigError(f"row {row!r}: {self.init} says the model, which cannot be {model!r}; leave model as it is")

    def config(self, row: str, seed: int) -> TrainConfig:
        """Return the settings of one run."""
        return self.base.replaced(**{**self.rows[row], "seed": seed})

    @property
    def head(self) -> dict[str, Any]:
        """What all runs share besides settings: samples held out, what is measured, and the digest of what they start from.

        Raises ConfigError for a file that cannot be read.
        """
        head: dict[str, Any] = {"held_out": self.held_out, "measure": self.measure}
        try:
            digest = sha256(Path(self.init).read_bytes()).hexdigest()[:16] if self.init else ""
        except OSError as error:
            raise ConfigError(
                f"init {self.init!r} cannot be read ({one_line(error)}); name a checkpoint or a NIR graph"
            ) from None
        read = "".join(f" {name}={value}" for name, value in sorted(self.reading.items()))
        return head | ({"init": digest + read} if digest else {})

    def settings(self, row: str) -> dict[str, Any]:
        """Return the settings of a row as plain values, without the seed."""
        return {name: value for name, value in self.config(row, 0).as_dict().items() if name != "seed"}


@dataclass(frozen=True)
class Measured:
    """One network at one moment: how many samples were right, which were wrong, and how active it was.

    `firing_rates` are spikes per neuron and step of each hidden layer, `matching_share` is what the matching loss had of the
    loss in the epoch before (0..1); `extra` is what the plan's `measure` returned.
    """

    right: int
    wrong: tuple[int, ...]
    firing_rates: dict[str, float] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    matching_share: float = 0.0

    @property
    def accuracy(self) -> float:
        """The share of right samples in percent."""
        return 100 * self.right / (self.right + len(self.wrong))


@dataclass(frozen=True)
class Run:
    """One training: its row and seed, what was measured at both moments, and the seconds that training took."""

    row: str
    seed: int
    seconds: float
    paper: Measured
    chip: Measured

    def at(self, moment: str) -> Measured:
        """Return what was measured at a moment of MOMENTS."""
        return {PAPER: self.paper, CHIP: self.chip}[moment]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the run that `dataclasses.asdict` took apart. Raises LookupError or TypeError for anything else."""
        paper, chip = (Measured(**{**values[name], "wrong": tuple(values[name]["wrong"])}) for name in MOMENTS)
        return cls(values["row"], values["seed"], values["seconds"], paper, chip)
