"""The digits that come with the package are scikit-learn's, split as they always were."""

import subprocess
import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from snnc.toolchain.data.dataset import Dataset


def test_the_file_holds_what_scikit_learn_gives(digits: Dataset) -> None:
    images, labels = load_digits(return_X_y=True)
    samples = images.reshape(-1, 1, 8, 8).astype(np.uint8)
    parts = train_test_split(samples, labels.astype(np.int64), test_size=0.3, random_state=0, stratify=labels)
    mine = (digits.train.samples, digits.test.samples, digits.train.labels, digits.test.labels)
    for own, theirs in zip(mine, parts, strict=True):
        assert own.dtype == theirs.dtype
        assert np.array_equal(own, theirs)


def test_they_load_without_scikit_learn() -> None:
    code = "import sys, snnc; snnc.load_dataset('digits'); print('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
