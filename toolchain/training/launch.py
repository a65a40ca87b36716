"""Device setup: one device, or several via Lightning Fabric, which half precision needs too.

Fabric is imported only where it is needed.
"""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from snnc.toolchain.device import torch_device
from snnc.toolchain.errors import ConfigError, install_command, one_line
from snnc.toolchain.training.config import TrainConfig

PRECISIONS = {"float32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


class Launched(Protocol):
    """The part of Fabric's interface that training uses, for one device or several."""

    @property
    def device(self) -> torch.device:
        """The device of this process."""

    @property
    def global_rank(self) -> int:
        """The number of this process, from 0."""

    @property
    def world_size(self) -> int:
        """The number of processes."""

    def setup_module(self, module: nn.Module) -> Any:
        """Return the module as it is to be called."""

    def setup_optimizers(self, optimizer: torch.optim.Optimizer) -> Any:
        """Return the optimizer as it is to be stepped."""

    def backward(self, tensor: Tensor) -> None:
        """Compute gradients."""

    def barrier(self) -> None:
        """Wait for all processes."""


class OneProcess:
    """One device in float32, without Fabric."""

    def __init__(self, device: torch.device):
        """Use one device."""
        self.device, self.global_rank, self.world_size = device, 0, 1

    def setup_module(self, module: nn.Module) -> nn.Module:
        """Return the module itself."""
        return module

    def setup_optimizers(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """Return the optimizer itself."""
        return optimizer

    def backward(self, tensor: Tensor) -> None:
        """Compute gradients."""
        tensor.backward()

    def barrier(self) -> None:
        """Return at once: there is only one process."""


def launch(config: TrainConfig) -> Launched:
    """Set up the devices of a configuration; with several, this program is started once more for each further one.

    Raises ConfigError if Fabric is missing, or a device is not there.
    """
    device = torch_device(config.device)
    if config.precision == "fp16" and device.type == "cpu":
        raise ConfigError("precision 'fp16' needs a GPU; on a CPU choose 'bf16', or 'float32', which is faster there")
    if (config.devices, config.nodes, config.precision) == (1, 1, "float32"):
        return OneProcess(device)
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise ConfigError(
            f"devices, nodes and precision need Lightning Fabric; {install_command('scale')}, or leave them as they are"
        ) from None
    try:
        fabric = Fabric(
            accelerator=device.type,
            devices=[device.index] if device.index is not None and config.devices == 1 else config.devices,
            num_nodes=config.nodes,
            strategy=config.strategy if config.devices * config.nodes > 1 else "auto",
            precision=PRECISIONS[config.precision],  # type: ignore[arg-type]
        )
        fabric.launch()
    except (RuntimeError, ValueError, TypeError, ImportError) as error:
        reason = one_line(error)
        raise ConfigError(
            f"{config.nodes} x {config.devices} devices of {device.type}, strategy {config.strategy!r}, "
            f"precision {config.precision!r} cannot be used: {reason}; lower devices or change strategy"
        ) from None
    return fabric
