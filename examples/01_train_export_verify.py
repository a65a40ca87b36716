"""The whole way as a library: train on real digits, lower, write a file for Loihi 2, and prove that it is the same network.

Run: python examples/01_train_export_verify.py
"""

import snnc

config = snnc.TrainConfig(model="mlp", width=0.06, epochs_float=4, epochs_quantized=4, epochs_integer=3)
snnc.train(config, "example.pt")

model, checkpoint = snnc.load_model("example.pt")
network = snnc.lower(model, checkpoint.labels)
print(network, end="\n\n")

snnc.export(network, "loihi2", "example.net")  # read back and compared
deployed = snnc.read_network("example.net")

# torch runs the checkpoint, the reference runs the exported file: every spike and membrane must be equal.
test = snnc.load_dataset(config.data).test
verdict = snnc.verify(deployed, test, model=model, engines=["torch"])
print(f"equal: {verdict.equal}, accuracy: {verdict.engines['reference'].accuracy:.2%} on {verdict.samples} samples")
if not verdict.equal:
    raise SystemExit(1)
