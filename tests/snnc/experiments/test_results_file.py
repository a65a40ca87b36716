"""The file of results: it reads back what was written, and refuses what is not its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from snnc.experiments.plan import Measured, Plan, Run
from snnc.experiments.results_file import Results, kept_results, read_results
from snnc.toolchain.errors import ConfigError, FileFormatError
from snnc.toolchain.training.config import TrainConfig

PLAN = Plan(TrainConfig(), {"one": {"method": "baseline"}, "two": {"alpha": 0.1}}, [0, 1])
RUN = Run("one", 1, 2.5, Measured(3, (1, 4), {"fc1": 0.1}), Measured(4, (4,), {}, {"spikes": 7}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "results.json"
    results = kept_results(path, PLAN)
    results.add(RUN)
    results.write(path)
    return path


def test_what_was_written_is_read(file: Path) -> None:
    assert read_results(file).of("one") == [RUN]
    assert kept_results(file, PLAN).runs == {"one": {1: RUN}, "two": {}}
    assert len([line for line in file.read_text().splitlines() if '"seed"' in line]) == 1


def test_other_rows_and_seeds_are_welcome(file: Path) -> None:
    more = Plan(TrainConfig(), {"three": {}}, range(9))
    kept = kept_results(file, more)
    assert kept.of("one") == [RUN]
    assert list(kept.rows) == ["one", "two", "three"]


def test_a_setting_that_is_new_since_then_has_its_default(file: Path) -> None:
    results = read_results(file)
    for settings in results.rows.values():
        del settings["shear"]
    results.write(file)
    assert kept_results(file, PLAN).of("one") == [RUN]
    with pytest.raises(ConfigError, match=r"shear 0\.0 instead of 3\.0"):
        kept_results(file, replace(PLAN, base=TrainConfig(shear=3.0)))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (replace(PLAN, rows={"two": {"alpha": 0.2}}), r"other settings: row 'two' has alpha 0\.1 instead of 0\.2; delete it"),
        (replace(PLAN, held_out=5), "held_out 0 instead of 5"),
        (replace(PLAN, measure="os:getpid"), "measure '' instead of 'os:getpid'"),
    ],
)
def test_results_of_other_settings_are_refused(file: Path, plan: Plan, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        kept_results(file, plan)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"runs": [1], "rows": {}}', '{"runs": [], "rows": {"a": 1}}', "[" * 5000])
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(FileFormatError, match="not a file of results: .*; delete it, or name another file"):
        read_results(path)


def test_an_unknown_row_has_no_runs() -> None:
    assert Results({}, {}).of("nothing") == []
