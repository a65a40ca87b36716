"""The public names: documented, typed, and their examples run."""

import doctest
import inspect
from pathlib import Path

import pytest

import snnc

FUNCTIONS = [name for name in snnc.__all__ if inspect.isfunction(getattr(snnc, name)) or name == "export"]


def test_every_function_is_documented_with_arguments_errors_and_an_example() -> None:
    assert len(FUNCTIONS) >= 9
    for name in FUNCTIONS:
        text = inspect.getdoc(snnc.export.__dict__["export"] if name == "export" else getattr(snnc, name)) or ""
        assert "Raises" in text, name
        assert "snnc." in text, f"{name} has no example"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    function = snnc.export.__dict__["export"] if name == "export" else getattr(snnc, name)
    for example in doctest.DocTestFinder(recurse=False).find(function, name):
        assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_types_are_said(name: str) -> None:
    function = snnc.export.__dict__["export"] if name == "export" else getattr(snnc, name)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(each.annotation is not inspect.Parameter.empty for each in signature.parameters.values())


def test_classes_are_documented() -> None:
    for name in snnc.__all__:
        assert inspect.getdoc(getattr(snnc, name)), name
