"""The optimizer of BiSNN's Bayesian rule: natural gradients for the latents of a posterior, Adam for everything else.

The rule is that of BiSNN (Jang, Skatchkovsky, Simeone 2021, arXiv 2012.08300) and of BayesBiNN (Meng et al. 2020, arXiv
2002.10778).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

TINY = 1e-10  # BiSNN's guard of its denominator


class NaturalGradient(torch.optim.Adam):
    """Adam, with a first group of latents l that follow the natural gradient of N * loss + rho * KL(posterior || prior).

    One step: l <- (1 - eta rho) l - eta (N g / (1 - mu^2 + 1e-10) - rho l0), with mu = tanh(l), g the gradient of the mean loss
    with respect to l at one draw of the weights, and l0 = log(p / (1 - p)) / 2 of the prior p = P(w = +1). The chain rule
    through the draw, dw/dl = (1 - w^2) / temperature, is in g already. In BiSNN's notation its learning rate is eta N and its
    weight of the KL rho / N; with rho = 1 the KL has the weight of Bayes' rule. `denominator` "max" takes the largest 1 - mu^2
    of a tensor, which tames the heavy tails of "element" (the authors' code of 2022 has it as well).

    All groups have a learning rate `lr`, which a schedule may set; eta shrinks with it, as lr / `base_lr`.
    """

    def __init__(
        self,
        latents: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        lr: float,
        *,
        samples: int,
        eta: float,
        rho: float,
        prior: float = 0.5,
        denominator: str = "max",
        base_lr: float | None = None,
    ):
        """Take the latents and all other parameters; `samples` is N, `prior` a probability."""
        odds = torch.tensor(prior, dtype=torch.float64).logit()
        bayes: dict[str, Any] = {"samples": samples, "eta": eta, "rho": rho, "prior_latent": float(odds / 2)}
        bayes |= {"denominator": denominator, "base_lr": base_lr or lr or 1.0}
        groups: list[dict[str, Any]] = [{"params": list(latents), **bayes}]
        if rest := list(others):
            groups.append({"params": rest})
        fused = all(each.device.type in ("cpu", "cuda") for group in groups for each in group["params"])
        super().__init__(groups, lr=lr, fused=fused)
        self._step_supports_amp_scaling = False  # half precision: gradients arrive unscaled, also for the latents

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step on all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        group = self.param_groups[0]
        for latents in group["params"]:
            if latents.grad is not None:
                _natural_step(latents, latents.grad, group)
                latents.grad = None  # Adam leaves out what has none
        super().step()
        return loss


def _natural_step(latents: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
    eta, rho = group["eta"] * group["lr"] / group["base_lr"], group["rho"]
    spread = 1 - torch.tanh(latents).square()
    if group["denominator"] == "max":
        spread = spread.max()
    drive = group["samples"] * grad / (spread + TINY) - rho * group["prior_latent"]
    latents.mul_(1 - eta * rho).sub_(drive, alpha=eta)
