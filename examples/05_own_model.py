"""A network of your own in a file of its own, which is this file: train, export, and open the checkpoint again.

Run: python examples/05_own_model.py
On the command line: snnc train --model examples/05_own_model.py:build
"""

import snnc


def build(config: snnc.TrainConfig, pixels: snnc.Input, classes: int) -> snnc.SpikingNetwork:
    """Two convolutions, a join of both behind pooling, and a read-out."""
    network = snnc.SpikingNetwork("joined", config.timesteps, pixels)
    neurons = snnc.Neurons(config.timesteps, config.beta, config.surrogate)
    kernel, pooled = snnc.Geometry(kernel=3, padding=1), snnc.Geometry(pool=2)

    def synapses(source: str, out: int, geometry: snnc.Geometry) -> dict[str, snnc.Synapses]:
        return {source: snnc.Synapses(network.shape(source), out, geometry)}

    def add(name: str, sources: dict[str, snnc.Synapses], weights: str) -> None:
        network.add(snnc.SpikingLayer(name, sources, neurons, weights=weights, delta=config.delta))

    add("conv1", synapses("input", 8, kernel), "float")
    add("conv2", synapses("conv1", 8, kernel), config.weights)
    both = synapses("conv1", 16, pooled) | synapses("conv2", 16, pooled)
    add("joined", both, config.weights)
    network.add(snnc.ReadOut("readout", synapses("joined", classes, snnc.Geometry()), neurons))
    return network


if __name__ == "__main__":
    config = snnc.TrainConfig(model=f"{__file__}:build", epochs_float=2, epochs_quantized=2, epochs_integer=1)
    snnc.train(config, "own_model.pt")

    # The checkpoint keeps the text of this file, and runs it only if the file is named again.
    model, checkpoint = snnc.load_model("own_model.pt", model=f"{__file__}:build")
    network = snnc.lower(model, checkpoint.labels)
    snnc.export(network, "onnx", "own_model.onnx")  # needs no code any more
    deployed = snnc.read_network("own_model.onnx")

    verdict = snnc.verify(deployed, snnc.load_dataset("digits").test, model=model, engines=["fast", "torch"])
    print(f"equal: {verdict.equal}, accuracy: {verdict.engines['reference'].accuracy:.2%} on {verdict.samples} samples")
    if not verdict.equal:
        raise SystemExit(1)
