"""What a name of data states goes wherever the name goes, and comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.toolchain.data.named import BINS, Named, Stated, like, named
from snnc.toolchain.errors import DataError

floats = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1, exclude_min=True, exclude_max=True)
statements = st.builds(
    Stated, *map(st.one_of, [st.none()] * 5, [shares, st.integers(0, 2**32 - 1), floats, floats, st.sampled_from(BINS)])
)


@given(statements)
def test_every_name_comes_back(stated: Stated) -> None:
    name = Named("C:/own data.npz", stated)
    assert named(str(name)) == name


def test_names_without_statements() -> None:
    assert named("digits:100") == Named("digits:100")
    assert named("./a:b/c.npy").is_file and not named("pics").is_file
    assert str(named("own.npz:test=0.2,seed=3,low=0,high=1")) == "own.npz:test=0.2,seed=3,low=0,high=1"


def test_data_that_moved_keep_what_was_stated() -> None:
    own = "own.npz:test=0.3,seed=2"
    assert like("/there/own.npz", own) == "/there/own.npz:test=0.3,seed=2"
    assert like("/there/own.npz:seed=1", own) == "/there/own.npz:seed=1"
    assert like("digits", "digits") == "digits"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.npz:size=3", "'size' is unknown; allowed are test, seed, low, high, bins"),
        ("a.npz:seed=1,seed=2", "'seed' is stated twice"),
        ("a.npz:test=1", "test=1 is not possible; allowed are between 0 and 1"),
        ("a.npz:seed=-1", "allowed are 0 to 4294967295"),
        ("a.npz:seed=0.5", "allowed are 0 to 4294967295"),
        ("a.npz:low=inf", "allowed are finite numbers"),
        ("a.npz:low=x", "low=x is no number; write one"),
        ("a.npz:bins=all", "bins=all is unknown; allowed are time, count"),
    ],
)
def test_other_statements_are_refused(name: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        named(name)
    assert message in str(error.value)
