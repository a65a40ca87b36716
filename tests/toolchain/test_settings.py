"""Typed settings: types, ranges and choices."""

from dataclasses import dataclass

import pytest

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.settings import Settings, names_of, setting

TABLE = {"mean": 1}


@dataclass(frozen=True)
class Some(Settings):
    """Three settings, and a field that is none."""

    speed: float = setting(1.0, "Speed.", 0, 2)
    kind: str = setting("mean", "Kind.", choices=TABLE)
    often: int = setting(1, "Times.", 1)
    other: int = 3


def test_a_field_that_is_no_setting_is_left_alone() -> None:
    assert names_of(Some) == ["speed", "kind", "often"]
    assert Some(speed=2).as_dict() == {"speed": 2.0, "kind": "mean", "often": 1}
    assert isinstance(Some(speed=2).speed, float)
    assert len({Some(), Some(speed=1), Some(often=2)}) == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"speed": "fast"}, "setting 'speed' is 'fast'; it must be of type float"),
        ({"speed": float("inf")}, "setting 'speed' is inf; it must be finite"),
        ({"speed": 2.5}, "setting 'speed' is 2.5; allowed are 0 to 2"),
        ({"often": True}, "setting 'often' is True; it must be of type int"),
        ({"kind": "max"}, "kind 'max' is unknown; allowed are mean"),
    ],
)
def test_other_values_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Some(**values)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_choices_are_read_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, "max", 2)
    assert Some(kind="max").kind == "max"
