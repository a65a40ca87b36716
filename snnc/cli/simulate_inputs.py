"""What snnc simulate runs, a dataset, a file of the user's own or random samples, and the files that it writes of the runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.cli.options import FileName
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.output_file import beside, check_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snnc.toolchain.data.dataset import Split
    from snnc.toolchain.network.network import Network
    from snnc.verification.engines import Subject
    from snnc.verification.verify import InMemory, OnDisk


@dataclass(frozen=True)
class Inputs:
    """Where samples come from, one of a dataset, a file and a random draw, and how many are taken."""

    data: str | None = None
    file: str | None = None
    random: int | None = None
    seed: int | None = None
    samples: int | None = None

    def check(self) -> None:
        """Raise ConfigError for options that do not go together."""
        given = {"--data": self.data, "--input": self.file, "--random": self.random}
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise ConfigError(f"{' and '.join(named)} each say what is run; give one of them")
        if self.random is not None and self.samples is not None:
            raise ConfigError("--random says how many samples are drawn; leave --samples out")
        if self.seed is not None and self.random is None:
            raise ConfigError("--seed is that of --random; add --random N, or leave it out")

    def of(
        self, network: "Network", files: Sequence[str], console: Console
    ) -> "tuple[Split | NDArray[Any], NDArray[Any] | None]":
        """Return a split, or samples as the chip takes them with their labels. Raises DataError, NetworkError."""
        from snnc.adopting import RANDOM_SAMPLES, random_samples
        from snnc.files import split_for
        from snnc.toolchain.data.samples_file import read_samples

        if self.file is not None:
            samples, labels = read_samples(self.file, network, self.samples)
            self.check_overflow(network, samples)
            return samples, labels
        if self.random is not None:
            return random_samples(network, self.random, self.seed or 0), None
        if not self.name(network, files):
            console.print("random inputs within the range, since no dataset was named")
            return random_samples(network, RANDOM_SAMPLES if self.samples is None else self.samples), None
        return split_for(network, self.data, self.samples), None

    def check_overflow(self, network: "Network", samples: "NDArray[Any]") -> None:
        """Raise NetworkError, where sums of a network can overflow, with what really overflows in a file's samples."""
        from snnc.toolchain.errors import NetworkError
        from snnc.toolchain.network.bounds import prove
        from snnc.toolchain.simulate.overflow import overflowing
        from snnc.toolchain.simulate.reference import simulate

        if self.file is None:
            return
        try:
            prove(network)
        except NetworkError as error:
            found = overflowing(network, samples, simulate(network, samples))
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            said = f"{self.file} overflows: {found[0]}{more}" if found else f"none of {self.file} overflows, but {error}"
            raise NetworkError(said) from None

    def name(self, network: "Network", files: Sequence[str]) -> str:
        """Return the dataset or the file that is run; "" for random samples."""
        from snnc.adopting import recalled
        from snnc.files import data_of, knows_data

        if self.random is not None:
            return ""
        if named := self.file or self.data:
            return named
        return "" if any(recalled(file) for file in files) or not knows_data(network) else data_of(network)


@dataclass(frozen=True)
class Saved:
    """The files that a simulation is asked for: spikes and membranes, and decisions."""

    traces: str | None = None
    predictions: str | None = None

    def check(self, inputs: Sequence[str]) -> None:
        """Raise ConfigError or SnncError for a name that may not be written."""
        if self.traces:
            check_output(self.traces, (".npz",), inputs)
        if self.predictions:
            check_output(self.predictions, (".csv",), inputs)

    def of_members(self, count: int, inputs: Sequence[str]) -> "list[Saved]":
        """Return the files of each member of a committee, which has traces of its own, beside the file that was named.

        Raises ConfigError or SnncError for one that may not be written.
        """
        Saved(predictions=self.predictions).check(inputs)
        if not self.traces:
            return [Saved()] * count
        found = [Saved(str(beside(self.traces, f".member-{number}.npz"))) for number in range(count)]
        for each in found:
            each.check(inputs)
        return found

    def check_size(self, network: "Network", data: "InMemory | OnDisk") -> None:
        """Raise DataError if the traces are more than a file may hold."""
        from snnc.verification.traces import check_traces

        if self.traces:
            check_traces(network, data.count)

    def write(self, engine: str, subject: "Subject", data: "InMemory | OnDisk", console: Console) -> None:
        """Run all samples in one engine and write the files. Raises SnncError."""
        from snnc.verification import traces as files

        network, labels = subject.network, data.labels
        trace = files.traced(engine, subject, data) if self.traces else None
        if self.traces and trace:
            files.save_traces(network, trace, self.traces, labels)
            console.print(f"spikes and membranes of {data.count:,} samples: {self.traces}")
        if self.predictions:
            outputs = trace.outputs(network) if trace else files.outputs_of(engine, subject, data)
            self.write_predictions(network, outputs, labels, console)

    def write_predictions(
        self, network: "Network | Sequence[Network]", outputs: "NDArray[Any]", labels: "NDArray[Any] | None", console: Console
    ) -> None:
        """Write what a network, or a committee of several, decides, if that was asked for. Raises SnncError."""
        from snnc.verification.traces import save_predictions

        if self.predictions:
            save_predictions(network, outputs, self.predictions, labels)
            console.print(f"predictions: {self.predictions}")


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what is run; they are its argument `inputs`."""

    @wraps(command)
    def gathered(*arguments: Any, samples: int | None = None, **options: Any) -> Any:
        names = {"data": "data", "input_file": "file", "random": "random", "seed": "seed"}
        inputs = Inputs(**{field: options.pop(name) for name, field in names.items()}, samples=samples)
        inputs.check()
        return command(*arguments, inputs=inputs, **options)

    for option in reversed(
        [
            click.option("-d", "--data", help="Dataset whose test split is run.  [default: what was trained on]"),
            click.option(
                "-i",
                "--input",
                "input_file",
                type=FileName(),
                help="Samples of your own: .npz with an array `samples` (N, ...) or (N, T, ...), and `labels` if any; or .npy.",
            ),
            click.option("--random", type=click.IntRange(1), metavar="N", help="Run N random samples, no data at all."),
            click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of --random.  [default: 0]"),
        ]
    ):
        gathered = option(gathered)
    return gathered


def input_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what is run and what is saved; they are its arguments `inputs` and `saved`."""

    @wraps(command)
    def gathered(*arguments: Any, files: tuple[str, ...], inputs: Inputs, **options: Any) -> Any:
        saved = Saved(options.pop("traces"), options.pop("predictions"))
        saved.check([*files, *filter(None, [inputs.file, inputs.data])])
        return command(*arguments, files=files, inputs=inputs, saved=saved, **options)

    few = "Samples that every engine runs.  [default: all, fewer in slow engines]"
    with_sources = source_options(gathered)
    for option in reversed(
        [
            click.option("-n", "--samples", type=int, help=few),
            click.option("--save", "traces", type=FileName(), help="Write every spike and membrane to this .npz file."),
            click.option("--predictions", type=FileName(), help="Write the decision for each sample to this .csv file."),
        ]
    ):
        with_sources = option(with_sources)
    return with_sources
