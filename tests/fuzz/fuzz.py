"""Damages files, settings and command lines without end, and says what came of it.

python tests/fuzz/fuzz.py --seconds 3600            # hours by hand
python tests/fuzz/fuzz.py --format nir --count 10000
python tests/fuzz/fuzz.py --format nir --start 4711 --count 1   # repeat a finding

Exit status 1 if a case ended in a traceback, a crash, more than 10 s, more than 2 GiB, or a silently different network.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from forks import Outcome, forked_reader, run_forked
from formats import FORMATS, one_case


@dataclass
class Tally:
    """What came of the cases of one format."""

    name: str
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, Outcome]] = field(default_factory=list)
    slowest: float = 0.0
    largest: int = 0

    def add(self, number: int, outcome: Outcome) -> None:
        """Count one case."""
        self.kinds[outcome.kind if not outcome.fault or len(outcome.kind) < 20 else "wrong"] += 1
        self.slowest, self.largest = max(self.slowest, outcome.seconds), max(self.largest, outcome.bytes)
        if outcome.fault:
            self.faults.append((number, outcome))

    def line(self) -> str:
        """Return one row of the table."""
        refused, equal, accepted = (self.kinds[kind] for kind in ("refused", "equal", "accepted"))
        numbers = f"{self.kinds.total():>7,} {refused:>8,} {equal:>6,} {accepted:>9,} {len(self.faults):>7,}"
        return f"{self.name:14}{numbers} {self.slowest:>9.1f} {self.largest / 2**20:>8,.0f}"


HEAD = f"{'format':14}{'tried':>7} {'refused':>8} {'equal':>6} {'accepted':>9} {'faults':>7} {'slowest s':>9} {'most MiB':>8}"


def fuzz(name: str, folder: Path, *, seconds: float, count: int | None, start: int) -> Tally:
    """Try cases of one format until the time or the count is over."""
    row, tally = FORMATS[name], Tally(name)
    sound = row.make(folder)
    for path in sound:  # a sound file opens, and is kept by what compares with it
        if row.suffix != ".line" and row.open_(path, path) not in ("equal", "accepted"):
            raise SystemExit(f"{path} is not sound")
    deadline, number = time.monotonic() + seconds, start
    while number < start + count if count is not None else time.monotonic() < deadline:
        tally.add(number, run_forked(partial(one_case, row, sound, number, folder)))
        number += 1
    return tally


def prepare() -> None:
    """Make forks cheap and quiet."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    subprocess.run = forked_reader  # type: ignore[assignment]
    os.environ["XDG_STATE_HOME"] = tempfile.gettempdir()


def main() -> int:
    """Fuzz the formats that were asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", choices=list(FORMATS), action="append")
    parser.add_argument("--seconds", type=float, default=120, help="for all formats together")
    parser.add_argument("--count", type=int, help="cases of each format, instead of a time")
    parser.add_argument("--start", type=int, default=0, help="number of the first case; each number is always the same case")
    options = parser.parse_args()
    prepare()
    names = options.format or list(FORMATS)
    print(HEAD, flush=True)
    faults = 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            share = options.seconds / len(names)
            tally = fuzz(name, Path(folder), seconds=share, count=options.count, start=options.start)
        print(tally.line(), flush=True)
        faults += len(tally.faults)
        for number, outcome in tally.faults[:5]:
            print(f"  case {number}: {outcome.kind[:600]}: {outcome.said[-900:]}", flush=True)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
