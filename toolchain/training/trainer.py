"""One stage of training: the networks that learn, their optimizer and schedule, and the steps of an epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snnc.toolchain.distributed import all_reduce_sum
from snnc.toolchain.errors import ConfigError, TrainingError
from snnc.toolchain.layers.posterior import seed_draws
from snnc.toolchain.layers.spiking_network import Logits, SpikingNetwork
from snnc.toolchain.training.augment import augmented, draw
from snnc.toolchain.training.batches import DeviceSplit, batches_of_epoch
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.companions import BuiltCompanion
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.launch import Launched
from snnc.toolchain.training.methods import method_named
from snnc.toolchain.training.methods.method import Losses, cross_entropy
from snnc.toolchain.training.seeds import generator
from snnc.toolchain.training.stages import Stage, learning_rate

EXPLODED = 1e6  # losses of a training that works are below 100
LOOK_EVERY = 10  # steps between two looks at the losses, each of which makes a GPU wait


@dataclass(frozen=True)
class EpochMetrics:
    """Means over an epoch: the loss, the matching loss inside it, the share of right answers; and the number of samples.

    `matching_share` is what the matching loss, as it is weighted, has of the loss (0..1).
    """

    loss: float
    matching: float
    matching_share: float
    accuracy: float
    samples: int


class ParallelNetworks(nn.Module):
    """The networks that learn in a stage as one module, which Fabric can distribute over devices."""

    def __init__(self, networks: Sequence[nn.Module]):
        """Take networks of one input."""
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> list[Logits]:
        """Return the logits of each."""
        return [network(x) for network in self.networks]


class Trainer:
    """One stage of training: call `epoch` as often as it has epochs."""

    def __init__(
        self,
        config: TrainConfig,
        stage: Stage,
        base: SpikingNetwork,
        companions: Sequence[BuiltCompanion],
        launched: Launched,
        samples: int,
    ):
        """Take the networks that learn in a stage, those that only give logits, and the size of the training split.

        Raises ConfigError if the stage trains a companion alone that there is not.
        """
        self.config, self.stage, self.launched = config, stage, launched
        self.method = method_named(config.method)
        self._learns = [True, *(not each.recipe.frozen for each in companions)]  # in the order of the loss's logits
        learning = [base, *(each.network for each in companions if not each.recipe.frozen)]
        frozen = [each.network for each in companions if each.recipe.frozen]
        if stage.alone:
            learning, frozen = [companion_of(stage, companions)], []
        self.frozen = [network.eval().requires_grad_(False) for network in frozen]
        module = ParallelNetworks([network.train().requires_grad_() for network in learning])
        self.optimizer = self.method.optimizer(module, stage.lr, config, samples)
        self._module, self._stepped = launched.setup_module(module), launched.setup_optimizers(self.optimizer)

    def epoch(self, samples: DeviceSplit, number: int, done: int, callback: Callback) -> EpochMetrics:
        """Take one pass over the training split: epoch `number` of the run, after `done` of this stage.

        Raises TrainingError if the loss is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.stage, done)
        torch.manual_seed(generator(self.config.seed, number, self.launched.global_rank).initial_seed())  # for dropout
        seed_draws(self._module, generator(self.config.seed, number, 1).initial_seed())  # the same in all processes
        self._module.train()
        sums = torch.zeros(4, device=samples.labels.device, dtype=torch.float32)  # loss, matching, right, samples
        loss = matching = weight = 0.0
        for step, batches in enumerate(self._groups(samples, number)):
            losses, right, seen = self._step(batches)
            weight = losses.weight
            sums += torch.stack([losses.total * seen, losses.matching * seen, right, right.new_full((), seen)])
            if step % LOOK_EVERY == 0:
                loss, matching = float(losses.total), float(losses.matching)
                self._check_loss(loss)
            callback.step(self.stage.name, loss, matching)
        loss_sum, matching_sum, right_sum, seen_sum = all_reduce_sum(sums).tolist()
        self._check_loss(loss_sum / seen_sum)
        self._check_weights()
        share = min(weight * matching_sum / loss_sum, 1.0) if loss_sum > 0 else 0.0  # 1 may be exceeded by rounding
        return EpochMetrics(loss_sum / seen_sum, matching_sum / seen_sum, share, right_sum / seen_sum, int(seen_sum))

    def _step(self, group: list[tuple[Tensor, Tensor]]) -> tuple[Losses, Tensor, int]:
        """Take one optimizer step on some batches; return the means of their losses and the number of right answers."""
        self._stepped.zero_grad()
        count = sum(len(labels) for _, labels in group)
        means, right, weight = [], [], 1.0
        for x, labels in group:
            losses, correct = self._losses(x, labels)
            share = len(labels) / count
            self.launched.backward(losses.total * share)
            means.append(torch.stack([losses.total.detach(), losses.matching.detach()]) * share)
            right.append(correct)
            weight = losses.weight
        self._stepped.step()
        mean = torch.stack(means).sum(0)
        return Losses(mean[0], mean[1], weight), torch.stack(right).sum().to(mean), count

    def _losses(self, x: Tensor, labels: Tensor) -> tuple[Losses, Tensor]:
        logits: list[Logits] = self._module(x)
        right = (logits[0].decided == labels).sum()
        if self.stage.alone:
            total = logits[0].total
            return Losses(cross_entropy([total], labels), total.new_zeros(())), right
        with torch.no_grad():
            frozen = iter([network(x) for network in self.frozen])
        learning = iter(logits)
        in_order = [next(learning if learns else frozen) for learns in self._learns]
        return self.method.loss(in_order, labels, self.config.method_settings), right

    def _groups(self, samples: DeviceSplit, number: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
        """Yield the batches of each optimizer step, augmented, those of this process."""
        config, rank, processes = self.config, self.launched.global_rank, self.launched.world_size
        random, group = generator(config.seed, number), []
        chosen = batches_of_epoch(config, len(samples), random, rank, processes)
        for (own, count), raw in samples.read(((own, count), own) for own, count in chosen):
            moved = augmented(raw, draw(config, count, random, rank, processes))
            group.append((samples.as_input(moved), samples.labels[own.to(samples.labels.device)]))
            if len(group) == config.accumulate:
                yield group
                group = []
        if group:
            yield group

    def _check_weights(self) -> None:
        values = [*self._module.parameters(), *self._module.buffers()]
        if not bool(torch.stack([value.isfinite().all() for value in values]).all()):
            raise TrainingError(
                f"weights became infinite in stage {self.stage.name}; lower the learning rate (it is {self.stage.lr})"
            )

    def _check_loss(self, loss: float) -> None:
        if not loss < EXPLODED:  # NaN is not, either
            numbers = {name: value for name, value in self.config.method_settings.as_dict().items() if isinstance(value, float)}
            others = "".join(f" or {name} ({value})" for name, value in numbers.items())
            raise TrainingError(
                f"the loss became {loss:.6g} in stage {self.stage.name}; "
                f"lower the learning rate (it is {self.stage.lr}){others}"
            )


def companion_of(stage: Stage, companions: Sequence[BuiltCompanion]) -> nn.Module:
    """Return the network that a stage trains alone. Raises ConfigError if the method has no such companion."""
    for each in companions:
        if each.recipe.role == stage.alone:
            return each.network
    roles = ", ".join(repr(each.recipe.role) for each in companions) or "none"
    raise ConfigError(f"stage {stage.name!r} trains the companion {stage.alone!r}; those of its method are {roles}")
