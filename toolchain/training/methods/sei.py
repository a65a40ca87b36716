"""Distillation and self-ensemble for networks of few steps and binary weights, after SEI-BWSNN (Meng et al. 2025).

The abstract of arXiv 2508.12609 says: training a spiking network is training a self-ensemble of one network with binary
activations and injected noise; several shortcuts and knowledge distillation improve it. The recipe was not to be found. The
loss here is that of per-step distillation (arXiv 2501.15925), the temporal cut is SLTT's (arXiv 2302.14311), both with public
code; that it is these, and all defaults, are our decisions.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.settings import Settings, setting
from snnc.toolchain.training.methods.method import Companion, Losses, Method, cross_entropy
from snnc.toolchain.training.stages import Stage, alone, three_phases

if TYPE_CHECKING:
    from torch import Tensor, nn

    from snnc.toolchain.layers.spiking_network import Logits, SpikingNetwork
    from snnc.toolchain.training.config import TrainConfig

ROLE = "teacher"


@dataclass(frozen=True)
class SelfEnsemble(Settings):
    """Settings of the method."""

    distill: float = setting(0.2, "Weight of the teacher's soft labels (lambda 1); 0: no teacher.", 0)
    ensemble: float = setting(0.5, "Weight of the steps' own mean as soft labels of each step (lambda 2).", 0)
    temperature: float = setting(3.0, "Divides logits before they become soft labels.", 0.01)
    labels: bool = setting(True, "Whether labels count; not: soft labels alone, as in ReActNet.")
    correct_only: bool = setting(False, "Whether only steps that answer right make up the mean of the steps.")
    per_step: bool = setting(True, "Whether every step learns from soft labels; not: their mean alone.")
    teacher: str = setting("", "Checkpoint of the teacher; without one, it is trained first.")
    keep_teacher: str = setting("", "File (.pt) to keep a trained teacher in, for --teacher.")

    def __post_init__(self) -> None:
        """Raise ConfigError where nothing would be learned from."""
        super().__post_init__()
        if not self.labels and not self.distill:
            raise ConfigError("without labels and without a teacher there is nothing to learn; set distill above 0")
        if self.teacher and self.keep_teacher:
            raise ConfigError("a teacher that is read from a checkpoint is not trained; leave out teacher or keep_teacher")


def loss(logits: "list[Logits]", labels: "Tensor", settings: SelfEnsemble) -> Losses:
    """Return CE(mean of the steps) + distill * mean_t KL(teacher || step t) + ensemble * mean_t KL(steps' mean || step t).

    A step's logits are T times its membranes, so that their mean is what a chip decides by: the membranes' sum.
    """
    base = logits[0]
    steps = base.steps * len(base.steps)
    total = cross_entropy([base.total], labels) if settings.labels else base.total.new_zeros(())
    learning = steps if settings.per_step else base.total.unsqueeze(0)
    taught = total.new_zeros(())
    if settings.distill:
        taught = soft_labels(logits[1].total.detach(), learning, settings.temperature).mean()
        total = total + settings.distill * taught
    if settings.ensemble and settings.per_step:
        mean, counts = _ensemble(steps.detach(), labels, correct_only=settings.correct_only)
        total = total + settings.ensemble * (soft_labels(mean, steps, settings.temperature) * counts).mean()
    return Losses(total, taught)


def soft_labels(teacher: "Tensor", students: "Tensor", temperature: float) -> "Tensor":
    """Return temperature^2 * KL(teacher || student) `(S, B)` from logits `(B, classes)` and `(S, B, classes)`."""
    import torch.nn.functional as F

    target = F.log_softmax(teacher / temperature, -1).expand_as(students)
    student = F.log_softmax(students / temperature, -1)
    return temperature**2 * F.kl_div(student, target, reduction="none", log_target=True).sum(-1)


def _ensemble(steps: "Tensor", labels: "Tensor", *, correct_only: bool) -> "tuple[Tensor, Tensor]":
    """Return the mean of a sample's steps `(B, classes)`, and which samples count `(B,)`: those with a step to learn from."""
    if not correct_only:
        return steps.mean(0), steps.new_ones(len(labels))
    right = (steps.argmax(-1) == labels).to(steps)
    count = right.sum(0)
    return (steps * right.unsqueeze(-1)).sum(0) / count.clamp(min=1).unsqueeze(-1), (count > 0).to(steps)


def as_relu(network: "SpikingNetwork") -> "nn.Module":
    """Return a ReLU network of the same shape."""
    from snnc.toolchain.layers.relu_network import ReluNetwork

    return ReluNetwork(network)


def teacher(config: "TrainConfig") -> list[Companion]:
    """Return the frozen teacher, if the configuration asks for one: an ANN of the same shape with 32-bit weights."""
    own: SelfEnsemble = config.method_settings
    if not own.distill:
        return []
    plain = config.replaced(weights="float", readout="membrane")
    return [Companion(ROLE, plain, frozen=True, checkpoint=own.teacher, convert=as_relu, keep=own.keep_teacher)]


def teacher_first(config: "TrainConfig") -> list[Stage]:
    """Return a stage for the teacher, if there is one to train, and the three phases."""
    own: SelfEnsemble = config.method_settings
    return ([alone(ROLE, config)] if own.distill and not own.teacher else []) + three_phases(config)


METHOD = Method(SelfEnsemble, loss, teacher, teacher_first)
