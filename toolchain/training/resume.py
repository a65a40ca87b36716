"""The state that an unfinished training keeps in its checkpoint, besides the base network, to continue with the same bits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError, SnncError, one_line
from snnc.toolchain.training.checkpoint import Checkpoint
from snnc.toolchain.training.companions import BuiltCompanion, Snapshot, check_data

T = TypeVar("T")
DAMAGED = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, SnncError)


@dataclass(frozen=True)
class ResumeState:
    """All companions by role, and the state of the optimizer of the current stage."""

    companions: dict[str, Snapshot]
    optimizer: dict[str, Any]

    @classmethod
    def of(cls, companions: Sequence[BuiltCompanion], optimizer: torch.optim.Optimizer) -> "ResumeState":
        """Return the state of a run after its last finished epoch."""
        return cls({each.recipe.role: each.snapshot() for each in companions}, optimizer.state_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values and tensors, as a checkpoint holds them."""
        return {"companions": {role: each.as_dict() for role, each in self.companions.items()}, "optimizer": self.optimizer}

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, dataset: Dataset, roles: Sequence[str]) -> "ResumeState":
        """Return the state in a checkpoint. Raises ConfigError if there is none, or it is of other data or companions."""
        check_data(checkpoint, dataset, "the checkpoint")
        state = checkpoint.resume
        if state is None:
            raise ConfigError("nothing to resume: its training has ended; start a new one")

        def read() -> "ResumeState":
            if list(state["companions"]) != list(roles):
                raise ValueError(f"it has the companions {list(state['companions'])}, its method {list(roles)}")
            companions = {role: Snapshot.from_dict(each) for role, each in state["companions"].items()}
            return cls(companions, dict(state["optimizer"]))

        return restored(read)


def restored(restore: Callable[[], T]) -> T:
    """Call a function that restores something from a checkpoint. Raises ConfigError in place of whatever it raises."""
    try:
        return restore()
    except DAMAGED as error:
        reason = one_line(error)
        raise ConfigError(f"the checkpoint cannot be resumed ({reason}); start a new training") from None
