"""An integer network without any training: a detector of vertical edges, described, run and exported.

Run: python examples/02_network_by_hand.py
"""

import numpy as np

import snnc

edge = np.array([[[[-1, 1]]], [[[1, -1]]]])  # two kernels of one row: dark to bright, bright to dark
neurons = snnc.Lif(shape=(2, 4, 5), vth=9, dv=2048)  # spikes when the membrane exceeds 9 weight units; half leaks away
network = snnc.Network(
    name="edges",
    timesteps=4,
    input=snnc.Input(shape=(1, 4, 6), minimum=0, maximum=15),
    layers=(snnc.Layer("edges", (snnc.Conv("input", edge),), neurons),),
    readout="spikes",
)
print(network, end="\n\n")

image = np.zeros((1, 1, 4, 6), int)
image[..., 2:4] = 8  # a bright bar
counts = snnc.simulate(network, image).outputs(network).reshape(2, 4, 5)
print("spikes in 4 steps, dark to bright:", *counts[0], sep="\n")
print("bright to dark:", *counts[1], sep="\n")
assert counts[0, :, 1].all() and counts[1, :, 3].all()

snnc.export(network, "loihi2", "edges.net")  # read back and compared
