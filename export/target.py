"""What one export format is: a row of TARGETS, with the options from which the command line makes its own."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, install_command, located
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.violation import Violation, refuse
from snnc.toolchain.output_file import check_output


@dataclass(frozen=True)
class NoOptions:
    """The options of a format that has none."""


@dataclass(frozen=True)
class Stated:
    """What a file of others does not say: the time steps of a sample, the range of the input (None: what the file suggests),
    and how many of its entries to read (None: all).
    """

    timesteps: int
    input_range: tuple[int, int] | None = None
    entries: int | None = None


@dataclass(frozen=True)
class Companion:
    """A file that a format writes beside its own, `file`: `content(network, file, samples)` returns its bytes.

    `name` is its name, where `{stem}` stands for the file's without the suffix. Samples are integers for the chip, `(B, ...)`
    or `(T, B, ...)`, if `takes_samples`, else none. `keeps_edits`: an existing file of other content is not replaced.
    """

    name: str
    content: Callable[[Network, Path, NDArray[np.integer]], bytes]
    takes_samples: bool = False
    keeps_edits: bool = False

    def path(self, file: Path) -> Path:
        """Return where it lies beside a file of the format."""
        return file.with_name(self.name.replace("{stem}", file.stem))


@dataclass(frozen=True)
class Target:
    """One export format. Functions that take options get an instance of `options`; None stands for its defaults.

    `check(network, options)` yields everything that the format cannot hold, `content(network, options)` returns the bytes of a
    file for a network without violations, and `read(path)` returns the network of a file or raises FileFormatError.
    `adopt(path, stated)` reads the files of others that hold all but the time steps; `read` raises UnstatedTimesteps for them.
    `prepare(network)` returns the network that a file holds where that is another one of the same spikes; what the format
    cannot hold, what is written, and what is compared with what was read back are then about that one.
    `describe(network, path)` says how a reader of one file understands its numbers, and `remark(network, options)` what users
    must know about a file although nothing in it is lost. `engines` are the rows of ENGINES that read the files themselves.
    `extra` is the extra of pip that installs the format's library. `variants` are the options that `snnc inspect` lists,
    by name; without any, it lists the defaults. `bias_exponents` are those that biases may have: what is imported for the
    format is rounded to them. `companions(options)` are further files that belong to one.
    """

    suffix: str
    check: Callable[[Network, Any], Iterable[Violation]]
    content: Callable[[Network, Any], bytes]
    read: Callable[[str | Path], Network]
    describe: Callable[[Network, Path], str]
    options: type[Any] = NoOptions
    remark: Callable[[Network, Any], str | None] = lambda network, options: None
    engines: tuple[str, ...] = ()
    extra: str = ""
    variants: Mapping[str, Any] = field(default_factory=dict)
    bias_exponents: tuple[int, ...] = tuple(range(lif.BIAS_EXPONENT_MAX + 1))
    adopt: Callable[[str | Path, Stated], Network] | None = None
    companions: Callable[[Any], tuple[Companion, ...]] = lambda options: ()
    prepare: Callable[[Network], Network] = lambda network: network

    def violations(self, network: Network, options: Any = None) -> list[Violation]:
        """Return everything that the format, or the variant in the options, cannot hold of a network."""
        return list(self.check(self.prepare(network), self._chosen(options)))

    def write(self, network: Network, path: str | Path, options: Any = None) -> None:
        """Write the network; the file is complete or unchanged.

        Raises CannotExport for violations, NetworkError, with neuron and input, if a sum could overflow or a membrane read-out
        spike, and SnncError if the file cannot be written.
        """
        what = f"cannot be written as {self.suffix}"
        refuse(self.violations(network, options), what)
        with located(what):
            prove(network)
        write_atomically(path, self.content(self.prepare(network), self._chosen(options)))

    def takes_samples(self, options: Any) -> bool:
        """Whether samples are needed for a companion."""
        return any(each.takes_samples for each in self.companions(options))

    def beside(self, network: Network, file: Path, options: Any, samples: NDArray[np.integer]) -> dict[Path, bytes]:
        """Return the content of every companion of a file, by its path. Raises SnncError if one cannot be written there."""
        found = {}
        for each in self.companions(options):
            check_output(path := each.path(file))
            found[path] = each.content(network, file, samples)
            if each.keeps_edits and path.exists() and path.read_bytes() != found[path]:
                raise ConfigError(f"output {str(path)!r} exists and was edited; move it away, or write to another folder")
        return found

    def notice(self, network: Network, options: Any = None) -> str | None:
        """Return what to tell the user at export, or None if there is nothing to mind."""
        return self.remark(network, self._chosen(options))

    def listed(self) -> Mapping[str, Any]:
        """Return the options that `snnc inspect` lists, by name."""
        return self.variants or {"": self.options()}

    def _chosen(self, options: Any) -> Any:
        return self.options() if options is None else options


def option(default: Any, text: str, *, choices: Iterable[str] = (), negative: str = "") -> Any:
    """Return a field of an options class: a choice, a number, a text, or a flag.

    A flag that may also be left open (None) has a name for its opposite, such as `--timed` and `--constant`.
    """
    return field(default=default, metadata={"help": text, "choices": tuple(choices), "negative": negative})


def checked_options(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Return an instance of an options class. Raises ConfigError for a value of another type or that is no choice."""
    for each in fields(kind):
        if each.name in values:
            _check(each, values[each.name])
    return kind(**values)


def _check(each: "Field[Any]", value: Any) -> None:
    choices = each.metadata["choices"]
    if choices and value not in choices:
        raise ConfigError(f"{each.name} {value!r} is unknown; allowed are {', '.join(choices)}")
    kind = bool if each.default is None else type(each.default)
    if type(value) is not kind and value is not each.default:
        raise ConfigError(f"option {each.name!r} is {value!r}; it must be of type {kind.__name__}")


def loaded(module: str, function: str, extra: str) -> Callable[..., Any]:
    """Return a function of a module of ours that needs an optional library; the module is loaded at the first call."""

    def call(*arguments: Any) -> Any:
        return getattr(with_extra(f"snnc.export.{module}", extra), function)(*arguments)

    return call


def with_extra(module: str, extra: str) -> Any:
    """Import a module of ours that needs an optional library. Raises ConfigError, with the command that installs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed; get it with: {install_command(extra)}") from None
