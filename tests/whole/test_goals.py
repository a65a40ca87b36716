"""What the default settings promise on the handwritten digits, measured with the commands that a user types."""

import json

import pytest
from pages import PageRun
from scipy.stats import ttest_1samp

from snnc import load_model, lower
from snnc.toolchain.training.checkpoint import load_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.lava]


def test_three_seeds_do_not_contradict_an_integer_accuracy_of_985(readme_run: PageRun) -> None:
    """Runs scatter by 0.6 %, and each processor sums floats in its own order: the mean of three seeds was 98.77 % on one and
    98.46 % on another, for the same code to the bit. So the goal fails where three seeds say that it is missed (t test, 5 %).
    """
    accuracies = [load_checkpoint(readme_run.folder / "model.pt").accuracy]
    for seed in (1, 2):
        trained = json.loads(readme_run.run(f"snnc train --seed {seed} --output seed{seed}.pt --json"))
        accuracies.append(trained["accuracy"])
    assert ttest_1samp(accuracies, 0.985, alternative="less").pvalue >= 0.05, accuracies
    assert min(accuracies) >= 0.965, accuracies


def test_hidden_weights_are_exactly_ternary(readme_run: PageRun) -> None:
    network = lower(load_model(readme_run.folder / "model.pt")[0])
    for layer in network.layers[1:-1]:
        assert set(layer.synapses[0].weight.flat) == {-1, 0, 1}


def test_the_whole_test_split_is_equal_and_as_accurate_as_the_checkpoint(readme_run: PageRun) -> None:
    verdict = json.loads(readme_run.run("snnc simulate model.pt --engine torch --engine fast --json"))
    assert (verdict["equal"], verdict["samples"]) == (True, 540)
    assert [layer["mismatches"] + layer["max_abs_dv"] for layer in verdict["layers"]] == [0] * 8
    trained = load_checkpoint(readme_run.folder / "model.pt").accuracy
    assert {engine["accuracy"] for engine in verdict["engines"].values()} == {trained}


def test_a_hundred_samples_are_equal_in_lava_and_netx(readme_run: PageRun) -> None:
    verdict = json.loads(readme_run.run("snnc simulate model.net --samples 100 --json"))
    assert verdict["equal"]
    ran = {name: engine["samples"] for name, engine in verdict["engines"].items()}
    assert {"reference", "lava", "netx"} <= set(ran)
    assert set(ran.values()) == {100}
    assert [layer["mismatches"] + layer["max_abs_dv"] for layer in verdict["layers"]] == [0] * 8
    assert len({engine["accuracy"] for engine in verdict["engines"].values()}) == 1
