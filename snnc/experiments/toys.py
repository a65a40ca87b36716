"""Two toy problems that show uncertainty, after BiSNN (arXiv 2012.08300): two moons, and a signal over one axis with gaps.

Points become spikes as in the paper: each axis has 10 or 20 neurons with cosine bumps, whose values are the probabilities of a
spike at each step. The paper does not say its numbers; points, noise and neurons are those of the authors' code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from snnc.evaluation.measures import MEASURES, Scored
from snnc.evaluation.predictions import of_networks
from snnc.evaluation.temperature import predictive
from snnc.members import drawn_networks
from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.lower import lower
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.checkpoint import Checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.train import Training

Points = NDArray[np.float64]
Ints = NDArray[np.int64]
WAYS = {  # how the hidden weights are trained
    "full precision": {"method": "baseline", "weights": "float"},
    "straight-through": {"method": "bisnn-st"},
    "Bayes": {"method": "bisnn-bayes"},
}
MEMBERS = 10
REPEATS = 5  # spike trains of each training point
CODE_SEED = 7919  # of the spikes of points that are asked about
HIDDEN = (128, 128)


@dataclass(frozen=True)
class Toy:
    """A problem: `draw(random, count)` gives points `(count, axes)` within `low..high` and their classes; `grid` is the map.

    `neurons` code each axis; `known(points)` tells which points of the grid lie where training points do.
    """

    draw: Callable[[np.random.Generator, int], tuple[Points, Ints]]
    low: float
    high: float
    axes: int
    neurons: int
    grid: int
    known: Callable[[Points], NDArray[np.bool_]]

    def map_points(self) -> Points:
        """Return the points of the map, `(grid ** axes, axes)`; the first axis runs fastest."""
        line = np.linspace(self.low, self.high, self.grid)
        across = np.meshgrid(*[line] * self.axes)
        return np.stack([each.ravel() for each in across], axis=1)


def moons(random: np.random.Generator, count: int) -> tuple[Points, Ints]:
    """Return two interleaved half circles with noise of deviation 0.1, and which one each point is of."""
    classes = np.arange(count) % 2
    angle = random.uniform(0, pi, count)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower_half = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.where(classes[:, None] == 0, upper, lower_half) + random.normal(0, 0.1, (count, 2))
    return points, classes


CLUSTERS = ((-1.4, -1.0, 0), (-0.5, -0.1, 1), (0.5, 0.9, 0), (1.3, 1.7, 1))  # from, to, class


def signal(random: np.random.Generator, count: int) -> tuple[Points, Ints]:
    """Return points on one axis in four clusters with gaps between them, of alternating classes."""
    which = np.arange(count) % len(CLUSTERS)
    start, stop, classes = (np.array(CLUSTERS)[which, column] for column in range(3))
    return random.uniform(start, stop)[:, None], classes.astype(np.int64)


def _near_moons(points: Points) -> NDArray[np.bool_]:
    """Return whether points lie within three deviations of a moon."""
    angle = np.linspace(0, pi, 200)
    arcs = np.concatenate([np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)])
    return np.array([np.square(arcs - point).sum(1).min() < 0.3**2 for point in points])


def _in_clusters(points: Points) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = np.zeros(len(points), bool)
    for start, stop, _ in CLUSTERS:
        inside |= (points[:, 0] >= start) & (points[:, 0] <= stop)
    return inside


TOYS = {
    "moons": Toy(moons, -2.0, 3.0, 2, 10, 40, _near_moons),
    "signal": Toy(signal, -2.2, 2.5, 1, 20, 160, _in_clusters),
}


def coded(points: Points, toy: Toy, timesteps: int, random: np.random.Generator) -> NDArray[np.int16]:
    """Return spikes `(T, B, axes * neurons)`: a neuron's cosine bump over its axis is its probability of a spike."""
    centers = np.linspace(toy.low, toy.high, toy.neurons)
    width = 2 * (centers[1] - centers[0])  # a bump reaches its second neighbors
    distance = np.clip((points[:, :, None] - centers) / width, -1, 1)
    chances = ((1 + np.cos(pi * distance)) / 2).reshape(len(points), -1)
    fired = random.random((timesteps, *chances.shape)) < chances
    spikes: NDArray[np.int16] = fired.astype(np.int16)
    return spikes


def dataset(toy: Toy, timesteps: int, seed: int) -> Dataset:
    """Return 200 training points, each in several spike trains, and 1,000 test points."""
    random = np.random.default_rng(seed)
    points, classes = toy.draw(random, 200)
    train = Split(coded(points.repeat(REPEATS, 0), toy, timesteps, random), classes.repeat(REPEATS))
    points, classes = toy.draw(random, 1000)
    test = Split(coded(points, toy, timesteps, random), classes)
    return Dataset("toy", train, test, ("one", "other"), Input((toy.axes * toy.neurons,), 0, 1))


def perceptron(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build a network whose hidden layers all have the weights that are asked for, the first one among them."""
    network = SpikingNetwork("toy", config.timesteps, input)
    neurons = Neurons(config.timesteps, config.beta, config.surrogate)
    last = "input"
    for number, out in enumerate(HIDDEN, 1):
        synapses = Synapses(network.shape(last), out, Geometry())
        last = network.add(SpikingLayer(f"fc{number}", {last: synapses}, neurons, weights=config.weights, delta=config.delta))
    network.add(ReadOut("readout", {last: Synapses(network.shape(last), classes, Geometry())}, neurons))
    return network


def trained(config: TrainConfig, data: Dataset) -> tuple[SpikingNetwork, Checkpoint]:
    """Train on a toy; nothing is written."""
    training = Training(config, data, lambda each: perceptron(each, data.input, len(data.labels)))
    for _ in training.run(Callback()):
        pass
    return training.base.eval(), training.checkpoint()


def run_toy(name: str, way: str, config: TrainConfig) -> dict[str, dict[str, object]]:
    """Train one network and return, for it and (with a posterior) its committee, measures and the map, all in integers.

    `map` holds P(second class) on the grid; `entropy` is the mean entropy in bits on its known and its unknown points.
    """
    toy = TOYS[name]
    config = config.replaced(**WAYS[way])
    data = dataset(toy, config.timesteps, config.seed)
    model, checkpoint = trained(config, data)
    found = {way if way != "Bayes" else "Bayes, mode": [lower(model, checkpoint.labels)]}
    if way == "Bayes":
        found["Bayes, committee"] = drawn_networks(model, checkpoint, data, MEMBERS, config.seed)
    points = toy.map_points()
    asked = Split(coded(points, toy, config.timesteps, np.random.default_rng(CODE_SEED)), np.zeros(len(points), np.int64))
    results = {}
    for row, networks in found.items():
        tested = of_networks(row, networks, data.test)
        scored = Scored.of(predictive(tested.logits), tested.labels)
        chance = predictive(of_networks(row, networks, asked).logits)
        bits = -(chance * np.log2(np.maximum(chance, 1e-300))).sum(1)
        known = toy.known(points)
        results[row] = {
            **{measure: round(function(scored), 5) for measure, function in MEASURES.items()},
            "entropy": [round(float(bits[part].mean()), 4) for part in (known, ~known)],
            "map": [round(float(each), 3) for each in chance[:, 1]],
        }
    return results
