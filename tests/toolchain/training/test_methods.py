"""Every row of METHODS: its settings, networks and stages, and its loss against the equations of the paper."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from training_runs import TINY

from snnc.models import build_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.quantize import WEIGHTS
from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.settings import names_of, settings_of
from snnc.toolchain.training.companions import build_companion
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import METHODS, method_named
from snnc.toolchain.training.methods.method import adam
from snnc.toolchain.training.stages import Stage
from snnc.toolchain.training.train import Training

COMPANIONS = {"baseline": 0, "tna": 1, "tna3": 2, "kd": 1, "kd-ce": 1, "sei": 1, "bisnn-st": 0, "bisnn-bayes": 0}
ALONE = {"baseline", "bisnn-st", "bisnn-bayes"}
FROZEN = {"kd", "kd-ce", "sei"}
LABELS = torch.tensor([1, 2, 3, 4])


def config_of(name: str) -> TrainConfig:
    config = TrainConfig(method=name)
    return config.replaced(alpha=0.5) if "alpha" in config.as_dict() else config


def drawn(name: str) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(4, 10, requires_grad=True) for _ in range(1 + COMPANIONS[name])]


def over_steps(logits: list[torch.Tensor]) -> list[Logits]:
    """Return logits whose membranes, summed over two steps, are the given ones, in units of a half."""
    return [Logits(torch.stack([each * 0.5, each * 1.5]), torch.tensor(2.0)) for each in logits]


def mse(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(((one - other) ** 2).mean())


def kl(teacher: torch.Tensor, student: torch.Tensor) -> float:
    """Return temperature^2 * KL(teacher || student) at temperature 3, as a sum over classes."""
    p, q = (each.div(3).softmax(-1) for each in (teacher, student))
    return float(9 * (p * (p / q).log()).sum(-1).mean())


def sei_losses(logits: list[torch.Tensor]) -> tuple[float, float]:
    """Return what the defaults give: the steps' logits are 0.5 and 1.5 times their mean, since `over_steps` splits it so."""
    steps = [2 * share * logits[0] for share in (0.25, 0.75)]
    taught = sum(kl(logits[1], step) for step in steps) / 2
    agreed = sum(kl(logits[0], step) for step in steps) / 2
    return float(F.cross_entropy(logits[0], LABELS)) + 0.2 * taught + 0.5 * agreed, taught


def expected(name: str, logits: list[torch.Tensor]) -> tuple[float, float]:
    """Return total loss and matching loss at alpha = 0.5, as the paper writes them."""
    cross = [float(F.cross_entropy(each, LABELS)) for each in logits]
    if name in ALONE:
        return cross[0], 0.0
    if name == "sei":
        return sei_losses(logits)
    pairs = sum(mse(logits[i], logits[j]) for i in range(len(logits)) for j in range(i))
    return {"kd": pairs, "kd-ce": cross[0] + 0.5 * pairs}.get(name, sum(cross) + 0.5 * pairs), pairs


def test_there_are_methods() -> None:
    assert {name: len(method.networks(config_of(name))) for name, method in METHODS.items()} == COMPANIONS
    assert {name for name, row in METHODS.items() for each in row.networks(config_of(name)) if each.frozen} == FROZEN


@pytest.mark.parametrize("name", METHODS)
def test_every_row_is_complete(name: str) -> None:
    method, config = METHODS[name], config_of(name)
    roles = [each.role for each in method.networks(config)]
    assert len(set(roles)) == len(roles)
    assert {stage.alone for stage in method.stages(config)} <= {"", *roles}
    assert method.weights(config) in WEIGHTS
    assert not set(names_of(method.settings)) & set(names_of(TrainConfig))
    assert type(config.method_settings) is method.settings


def test_settings_of_one_name_have_one_type() -> None:
    kinds: dict[str, set[type]] = {}
    for method in METHODS.values():
        for each in settings_of(method.settings):
            kinds.setdefault(each.name, set()).add(type(each.default))
    bayes = {name: {float} for name in ("prior", "rho", "eta", "start")}
    assert all(len(types) == 1 for types in kinds.values())
    assert kinds.items() >= {"alpha": {float}, "teacher": {str}, "distill": {float}, "optimizer": {str}, **bayes}.items()


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_is_that_of_the_paper(name: str) -> None:
    logits = [each.detach() for each in drawn(name)]
    losses = METHODS[name].loss(over_steps(logits), LABELS, config_of(name).method_settings)
    assert (float(losses.total.detach()), float(losses.matching.detach())) == pytest.approx(expected(name, logits), rel=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_every_network_that_learns_gets_a_gradient(name: str) -> None:
    logits = drawn(name)
    METHODS[name].loss(over_steps(logits), LABELS, config_of(name).method_settings).total.backward()
    learning = logits[:1] if name in FROZEN else logits
    assert all(each.grad is not None and bool(each.grad.any()) for each in learning)


def test_adam_is_fused_and_takes_all_parameters() -> None:
    module = torch.nn.Linear(2, 3)
    optimizer = adam(module, 0.5)
    assert optimizer.defaults["fused"] and optimizer.defaults["lr"] == 0.5
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 2


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="method 'magic' is unknown; allowed are baseline, tna"):
        method_named("magic")


def test_a_stage_of_a_companion_that_there_is_not_is_refused(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def stages(config: TrainConfig) -> list[Stage]:
        return [replace(stage, alone="nobody") for stage in METHODS["baseline"].stages(config)]

    monkeypatch.setitem(METHODS, "odd", replace(METHODS["tna"], stages=stages))
    training = Training(TINY.replaced(method="odd"), digits, lambda c: build_model(c, digits.input, 10))
    with pytest.raises(ConfigError, match="stage 'float' trains the companion 'nobody'; those of its method are 'twin'"):
        next(training.run(None))  # type: ignore[arg-type]


def test_a_companion_is_built_from_its_snapshot_and_not_from_its_file(digits: Dataset) -> None:
    config = TINY.replaced(method="kd", teacher="gone.pt")
    recipe = METHODS["kd"].networks(config)[0]
    fresh = build_companion(replace(recipe, checkpoint=""), lambda c: build_model(c, digits.input, 10), digits, None)
    again = build_companion(recipe, lambda c: build_model(c, digits.input, 10), digits, fresh.snapshot())
    weights = again.network.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in fresh.network.state_dict().items())
    other = replace(fresh.snapshot(), config=config.replaced(width=0.5))
    with pytest.raises(ConfigError, match="of the twin does not fit its own settings .*; train it again"):
        build_companion(recipe, lambda c: build_model(c, digits.input, 10), digits, other)


def test_straight_through_steps_with_adam_or_plain_sgd() -> None:
    module, method = torch.nn.Linear(2, 3), METHODS["bisnn-st"]
    assert method.weights(TrainConfig(method="bisnn-st", weights="ternary")) == "binary"
    assert type(method.optimizer(module, 0.1, TrainConfig(method="bisnn-st"), 10)) is torch.optim.Adam
    sgd = method.optimizer(module, 0.1, TrainConfig(method="bisnn-st").replaced(optimizer="sgd"), 10)
    assert type(sgd) is torch.optim.SGD
    assert (sgd.defaults["momentum"], sgd.defaults["weight_decay"], sgd.defaults["lr"]) == (0, 0, 0.1)


def test_the_settings_of_the_posterior_reach_latents_and_optimizer(digits: Dataset) -> None:
    settings = {"prior": 0.8, "rho": 0.5, "eta": 0.2, "temperature": 0.3, "start": 2.0, "denominator": "element"}
    config = TINY.replaced(method="bisnn-bayes", **settings)
    training = Training(config, digits, lambda c: build_model(c, digits.input, 10))
    latents = training.base.hidden[1].synapses[0].weight.requires_grad_(False)
    assert 1.9 < float(latents.abs().max()) <= 2.0 and float(latents.abs().min()) < 0.1
    assert training.base.hidden[0].draws is None and training.base.hidden[1].draws is not None
    optimizer = METHODS["bisnn-bayes"].optimizer(training.base, 0.005, training.config, 1257)
    group, others = optimizer.param_groups
    assert group["params"] == [latents]
    assert len(others["params"]) == sum(1 for _ in training.base.parameters()) - 1
    assert (group["samples"], group["eta"], group["rho"], group["denominator"]) == (1257, 0.2, 0.5, "element")
    assert group["base_lr"] == config.lr and group["lr"] == 0.005
    assert group["prior_latent"] == pytest.approx(0.5 * torch.tensor(4.0).log().item())
