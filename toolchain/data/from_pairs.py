"""Any sequence of samples with their labels, such as a Dataset of torch, as a dataset."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.data_file import build_dataset
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.named import named
from snnc.toolchain.errors import DataError, one_line


class Pairs(Protocol):
    """What has a length and gives pairs of a sample and its label by index, as every Dataset of torch does."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def __getitem__(self, index: int, /) -> Any:
        """Return a sample and its label."""


def dataset_of(
    train: Pairs, test: Pairs | None = None, *, name: str = "own", timesteps: int = 5, classes: Iterable[str] | None = None
) -> Dataset:
    """Return a dataset of any samples with labels, such as a Dataset of torch; all of them are read into memory.

    Args:
        train: pairs of a sample, `(features,)`, `(C, H, W)` or, time first, `(T, features)`, `(T, C, H, W)`, and a label, a
            whole number or a text. Whole numbers stay as they are, floats become 0..255.
        test: the pairs that test; without them a share of each class does.
        name: what the dataset is called; it may state split and ends of floats as the name of a file does, such as
            `own:seed=1,low=0,high=1`.
        timesteps: T, where samples have a time axis.
        classes: the names of the classes; by default the attribute `classes` of `train`, if it has one.

    Raises:
        DataError: for samples of different shapes, or arrays that are no dataset.

    Example:
        >>> import numpy as np
        >>> import snnc
        >>> pairs = [(np.full(4, number % 2), number % 2) for number in range(20)]
        >>> len(snnc.dataset_of(pairs, classes=["dark", "bright"]).test)
        4
    """
    known = getattr(train, "classes", None) if classes is None else classes
    arrays = {
        f"{prefix}{kind}": array
        for prefix, pairs in (("", train), ("test_", test))
        if pairs is not None
        for kind, array in _read(name, pairs)
    }
    if known is not None:
        arrays["classes"] = np.array([str(each) for each in known])
    return build_dataset(named(name), arrays, timesteps)


def _read(name: str, pairs: Pairs) -> list[tuple[str, NDArray[Any]]]:
    samples, labels = [], []
    for index in range(len(pairs)):
        try:
            sample, label = pairs[index]
            samples.append(np.asarray(sample))
            labels.append(np.asarray(label).item())
        except (TypeError, ValueError) as error:
            raise DataError(f"data {name!r}: item {index} is no pair of a sample and a label ({one_line(error)})") from None
        if samples[-1].shape != samples[0].shape:
            raise DataError(
                f"data {name!r}: sample {index} has shape {samples[-1].shape}, others have {samples[0].shape}; give all one"
            )
    if not samples:
        raise DataError(f"data {name!r}: it has no samples; give some")
    return [("samples", np.stack(samples)), ("labels", np.array(labels))]
