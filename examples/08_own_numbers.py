"""Your own numbers in and out: fine-tune a network, run samples of yours without labels, and keep every spike and decision.

Run: python examples/08_own_numbers.py
"""

import numpy as np

import snnc

# Train a little, then start from it with other settings: a read-out of spikes, whose counts are the logits.
config = snnc.TrainConfig(model="mlp", width=0.06, epochs_float=3, epochs_quantized=2, epochs_integer=2)
snnc.train(config, "first.pt")
tuned = snnc.train(config.replaced(readout="spikes", epochs_float=1, seed=1), "tuned.pt", init="first.pt")
print(f"fine-tuned, with a read-out of spikes: {tuned.accuracy:.0%} of the test samples are right")

# A file of your own: integers as a dataset would have them, (N, ...) or (N, T, ...); labels are not needed.
images = snnc.load_dataset("digits").test.samples[:20]
np.savez("own.npz", samples=np.flip(images, axis=-1))  # mirrored digits, which nobody has labeled

model, checkpoint = snnc.load_model("tuned.pt")
network = snnc.lower(model, checkpoint.labels)
samples, labels = snnc.read_samples("own.npz", network)
trace = snnc.simulate(network, samples)
snnc.save_traces(network, trace, "traces.npz", labels)
snnc.save_predictions(network, trace.outputs(network), "predictions.csv", labels)
with np.load("traces.npz") as file:
    print({name: file[name].shape for name in file.files})

# The same samples, and random ones, through other engines.
for shown in (samples, snnc.random_samples(network, 50, seed=1)):
    verdict = snnc.verify(network, shown, model=model, engines=["tensor", "torch"])
    assert verdict.equal, verdict.first_difference
print("equal in every engine, spike by spike")
