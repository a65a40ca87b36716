"""A network of snntorch, trained there in floats, becomes one of ternary weights for Loihi 2 that is verified bit for bit.

Run: python examples/07_snntorch_to_ternary.py (needs snntorch)
"""

import warnings
from typing import Any

import torch
from torch import nn

import snnc

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import snntorch

STEPS, PIXELS_TO_1 = 5, 1 / 16
torch.manual_seed(0)
data = snnc.load_dataset("digits")


def leaky() -> Any:
    """Return neurons of snntorch that reset to 0, as the chip's do."""
    return snntorch.Leaky(beta=0.5, init_hidden=True, reset_mechanism="zero")


first, second = (nn.Linear(64, 128), nn.BatchNorm1d(128), leaky()), (nn.Linear(128, 64), nn.BatchNorm1d(64), leaky())
module = nn.Sequential(nn.Flatten(), *first, *second, nn.Linear(64, 10))


def logits(split: snnc.Split) -> torch.Tensor:
    """Run all samples through snntorch over the time steps."""
    for _, _, neurons in (first, second):
        neurons.reset_mem()
    pixels = PIXELS_TO_1 * torch.as_tensor(split.samples, dtype=torch.float32)
    return torch.stack([module(pixels) for _ in range(STEPS)]).sum(0)


optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
for _ in range(40):
    loss = nn.functional.cross_entropy(logits(data.train), torch.as_tensor(data.train.labels))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
module.eval()
right = (logits(data.test).argmax(1).numpy() == data.test.labels).mean()
print(f"snntorch, floats: {right:.2%}")

start = snnc.from_torch(module, data.input, scale=PIXELS_TO_1)
print(f"taken as {start.model}, beta {start.beta}; {'; '.join(start.notes)}")

# Fine-tuned: one epoch in floats, then ternary weights, then the chip's integers.
config = snnc.TrainConfig(timesteps=STEPS, epochs_float=1, epochs_quantized=8, epochs_integer=4, lr=0.003)
snnc.train(config, "snntorch.pt", dataset=data, start=start)

model, checkpoint = snnc.load_model("snntorch.pt")
snnc.export(snnc.lower(model, checkpoint.labels), "loihi2", "snntorch.net")
verdict = snnc.verify(snnc.read_network("snntorch.net"), data.test, model=model, engines=["fast", "torch"])
print(f"ternary, integers: {verdict.engines['reference'].accuracy:.2%}; equal: {verdict.equal} on {verdict.samples} samples")
if not verdict.equal:
    raise SystemExit(1)
