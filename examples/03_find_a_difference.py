"""What a broken deployment looks like: one threshold is shifted by one, and the first wrong membrane is named.

Run: python examples/03_find_a_difference.py
"""

from dataclasses import replace

import numpy as np

import snnc

rng = np.random.default_rng(0)
hidden = snnc.Layer("hidden", (snnc.Dense("input", rng.integers(-1, 2, (32, 64))),), snnc.Lif((32,), vth=3, dv=2048))
output = snnc.Layer("output", (snnc.Dense("hidden", rng.integers(-1, 2, (10, 32))),), snnc.Lif((10,), vth=2, dv=2048))
network = snnc.Network("right", 5, snnc.Input((64,), 0, 1), (hidden, output), "spikes")
shifted = replace(hidden, neuron=snnc.Lif((32,), vth=4, dv=2048))
broken = replace(network, layers=(shifted, output))

samples = rng.integers(0, 2, (20, 64))
chip = snnc.Engine(lambda subject, frames: snnc.simulate(broken, frames[0]))
snnc.ENGINES["broken chip"] = chip  # a row is all that another engine needs

verdict = snnc.verify(network, samples, engines=["broken chip"])
for row in verdict.layers:
    print(f"{row.name}: {row.mismatches} wrong spikes, membranes off by up to {row.max_abs_dv}/64 weight units")
print("first difference:", verdict.first_difference)
assert not verdict.equal
