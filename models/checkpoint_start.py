"""Training that starts from the weights of a checkpoint, whatever its other settings: layer by layer, by their names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.config import TrainConfig

if TYPE_CHECKING:
    from torch import Tensor

    from snnc.toolchain.layers.spiking_network import SpikingNetwork

OF_THE_MACHINE = ("device", "devices", "nodes", "strategy", "precision")  # settings that are not taken from a checkpoint
SCALE = "scale"  # what `freeze` fixes again
VARIANCE = "normalize.variance"


@dataclass(frozen=True)
class CheckpointStart:
    """The weights of a checkpoint's layers by name, and its settings.

    A layer starts from the one of its name if that is of the same kind, with weights of the same shapes; all others keep what
    they were built with. Normalization that has one variance for all channels takes the mean of several.
    """

    file: Path
    config: TrainConfig
    layers: "Mapping[str, tuple[type[Any], dict[str, Tensor]]]"

    def taken(self, network: "SpikingNetwork") -> list[str]:
        """Return the layers of a network that start from the checkpoint. Raises ConfigError if there is none."""
        names = [layer.name for layer in network.layers if self._fitting(layer) is not None]
        if not names:
            have = ", ".join(self.layers)
            want = ", ".join(layer.name for layer in network.layers)
            raise ConfigError(
                f"{self.file}: none of its layers ({have}) has the name and the shape of one of {want}; "
                "take its model and width, or leave out --init"
            )
        return names

    def load(self, network: "SpikingNetwork") -> None:
        """Give a fresh network, in place, the weights that fit. Raises ConfigError if there are none."""
        self.taken(network)
        for layer in network.layers:
            if (fitting := self._fitting(layer)) is not None:
                layer.load_state_dict(fitting, strict=False)

    def _fitting(self, layer: Any) -> "dict[str, Tensor] | None":
        kind, known = self.layers.get(layer.name, (None, {}))
        if kind is not type(layer):
            return None
        fresh = {name: tensor for name, tensor in layer.state_dict().items() if name != SCALE}
        found = {}
        for name, tensor in fresh.items():
            given = known.get(name)
            if given is not None and name == VARIANCE and given.shape != tensor.shape:
                given = given.mean().reshape(1).expand(tensor.shape)
            if given is None or given.shape != tensor.shape:
                return None
            found[name] = given
        return found


def checkpoint_start(file: str | Path) -> CheckpointStart:
    """Read a checkpoint to start other trainings from. Raises FileFormatError.

    Example:
        >>> from snnc.models.checkpoint_start import checkpoint_start  # doctest: +SKIP
        >>> start = checkpoint_start("model.pt")  # doctest: +SKIP
        >>> snnc.train(start.config.replaced(weights="binary"), "binary.pt", start=start.load)  # doctest: +SKIP
    """
    from snnc.models import load_model

    model, checkpoint = load_model(file)
    layers = {layer.name: (type(layer), dict(layer.state_dict())) for layer in model.layers}
    machine = {name: getattr(TrainConfig(), name) for name in OF_THE_MACHINE}
    return CheckpointStart(Path(file), checkpoint.config.replaced(**machine), layers)
