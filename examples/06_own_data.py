"""Data of your own in a file: floats, not square, with names of classes; trained, exported, and verified on the same split.

Run: python examples/06_own_data.py
On the command line: snnc train --data bars.npz:low=0,high=1
"""

import numpy as np

import snnc

rng = np.random.default_rng(0)
labels = np.arange(600) % 3
images = rng.uniform(0, 0.5, (600, 1, 9, 6))
for image, label in zip(images, labels, strict=True):
    image[0, 3 * label + rng.integers(3)] += 0.5  # a bright row in one third
np.savez("bars.npz", samples=images, labels=labels, classes=["top", "middle", "bottom"])

config = snnc.TrainConfig(data="bars.npz:low=0,high=1", model="8C3-16FC", batch_size=32, shift=0)
config = config.replaced(epochs_float=4, epochs_quantized=4, epochs_integer=2)
checkpoint = snnc.train(config, "own_data.pt")
print(f"trained on {checkpoint.config.data}, classes {', '.join(checkpoint.labels)}")

model, checkpoint = snnc.load_model("own_data.pt")
snnc.export(snnc.lower(model, checkpoint.labels), "loihi2", "own_data.net")

test = snnc.load_dataset(checkpoint.config.data).test  # the same samples: the name states the split and its seed
verdict = snnc.verify(snnc.read_network("own_data.net"), test, model=model, engines=["fast", "torch"])
print(f"equal: {verdict.equal}, accuracy: {verdict.engines['reference'].accuracy:.2%} on {verdict.samples} samples")
if not verdict.equal:
    raise SystemExit(1)
