"""Pairs of samples and labels in Python, Datasets of torch among them, as datasets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnc.toolchain.data.from_pairs import dataset_of
from snnc.toolchain.errors import DataError

RANDOM = np.random.default_rng(0)


def pairs(count: int, *shape: int) -> list[tuple[Any, int]]:
    return [(RANDOM.integers(0, 2, shape), number % 3) for number in range(count)]


def test_pairs_are_split_or_keep_their_test() -> None:
    dataset = dataset_of(pairs(30, 1, 4, 3), name="mine:seed=2", classes=["a", "b", "c"])
    assert (dataset.name, len(dataset.train), dataset.labels) == ("mine:test=0.2,seed=2", 24, ("a", "b", "c"))
    timed = dataset_of(pairs(12, 4, 7), pairs(6, 4, 7), timesteps=4)
    assert timed.test.samples.shape == (4, 6, 7) and len(timed.train) == 12


def test_a_dataset_of_torch_trains_and_verifies(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from training_runs import ONE_EACH

    import snnc

    class Stripes(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
        classes = ("low", "middle", "high")

        def __len__(self) -> int:
            return 60

        def __getitem__(self, index: int) -> Any:
            image = torch.rand(1, 3, 5, generator=torch.Generator().manual_seed(index))
            image[0, index % 3] += 1
            return image, torch.tensor(index % 3)

    data = dataset_of(Stripes(), name="stripes:low=0,high=2")
    assert data.labels == Stripes.classes
    snnc.train(ONE_EACH.replaced(batch_size=16), tmp_path / "model.pt", dataset=data)
    model, checkpoint = snnc.load_model(tmp_path / "model.pt")
    assert checkpoint.config.data == "stripes:test=0.2,seed=0,low=0,high=2" and checkpoint.labels == Stripes.classes
    network = snnc.lower(model, checkpoint.labels)
    assert snnc.verify(network, data.test, model=model, engines=["fast", "torch"]).equal


def test_what_is_no_pair_is_refused() -> None:
    for items, message in (
        ([], "it has no samples"),
        ([1, 2], "item 0 is no pair of a sample and a label"),
        ([(np.zeros(2), 0), (np.zeros(3), 1)], r"sample 1 has shape \(3,\), others have \(2,\)"),
        ([(np.zeros(2), [0, 1])], "item 0 is no pair"),
    ):
        with pytest.raises(DataError, match=message):
            dataset_of(items)
