"""Options and choices that all commands share, the console they print to, and errors in one line."""

import logging
import os
import traceback
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import click
from rich.console import Console

from snnc.screen import screen
from snnc.toolchain import failure_log
from snnc.toolchain.errors import ConfigError, DifferentNetworks, SnncError, one_line, printable
from snnc.toolchain.interrupts import status_after

MOST_CHARACTERS = 1000  # of a message


class RowOf(click.Choice[str]):
    """A choice out of a table that is loaded when help, completion or a value asks for it, so that start-up stays quick."""

    def __init__(self, what: str, load: Callable[[], Iterable[str]], kind: type[SnncError] = ConfigError):
        """Keep `load`, which returns the names; `kind` is raised for any other."""
        self.what, self.load, self.kind, self.case_sensitive = what, load, kind, True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names of the table's rows."""
        return tuple(self.load())

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return a name of a row. Raises SnncError for any other, in one line as all commands do."""
        if value not in self.choices:
            raise self.kind(f"{self.what} {value!r} is unknown; allowed are {', '.join(self.choices)}")
        return str(value)


class FileName(click.Path):
    """A name that a file can have: not empty, and without a zero byte."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name. Raises ConfigError for one that no file has."""
        if isinstance(value, str) and (not value or "\0" in value):
            raise ConfigError(f"{value!r} is no name of a file; name one")
        return super().convert(value, param, ctx)


def engine_names() -> tuple[str, ...]:
    """Return the rows of ENGINES."""
    from snnc.verification.engines import ENGINES

    return tuple(ENGINES)


class UnbrokenFormatter(click.HelpFormatter):
    """A help formatter that wraps lines at spaces only, so that no name with a hyphen is torn apart."""

    hyphen = "\u2011"  # a hyphen at which no line is broken

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", self.hyphen))

    def write_dl(self, rows: Any, *arguments: Any, **options: Any) -> None:
        """Write options with their texts."""
        super().write_dl([(first, second.replace("-", self.hyphen)) for first, second in rows], *arguments, **options)

    def getvalue(self) -> str:
        """Return all that was written, with common hyphens."""
        return super().getvalue().replace(self.hyphen, "-")


class Context(click.Context):
    """The context of every command."""

    formatter_class = UnbrokenFormatter


class Command(click.Command):
    """A command whose help tears no name apart."""

    context_class = Context


class OneLineErrors(click.Group):
    """A group whose commands never show a traceback for what the user can mend."""

    context_class = Context

    def invoke(self, context: click.Context) -> Any:
        """Run the command; print every fault in one line and exit with 2, or 130 and 143 where it was stopped.

        Files that hold different networks are a difference: exit status 1. What nobody foresaw is kept in a file to report.
        """
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (SnncError, OSError, MemoryError) as error:
            _say(str(error) if isinstance(error, SnncError) else f"{type(error).__name__}: {error}")
            context.exit(1 if isinstance(error, DifferentNetworks) else 2)
        except KeyboardInterrupt as error:
            _say("stopped")
            context.exit(status_after(error))
        except Exception as error:  # noqa: BLE001 - the last net: never a traceback on the screen
            _say(_unforeseen(error))
            context.exit(2)


def _say(message: str) -> None:
    text = " ".join(message.split())[:MOST_CHARACTERS]
    click.echo(f"snnc{_which_process()}: {printable(text)}", err=True)


def _unforeseen(error: Exception) -> str:
    """Return one line about a fault that nothing foresaw, and keep its traceback, unless torch says that memory is short."""
    said = f"{type(error).__name__}: {one_line(error)}"
    if isinstance(error, RuntimeError) and _of_the_machine(error):
        return said
    kept = failure_log.keep("last-error.txt", "".join(traceback.format_exception(error)).encode(errors="backslashreplace"))
    where = f"please report it with {kept}" if kept else "please report it"
    return f"this was not foreseen: {said}; {where}"


def _of_the_machine(error: RuntimeError) -> bool:
    """Whether torch says that memory is short, or that another process of a training has gone."""
    return any(
        text in str(error) for text in ("allocate memory", "out of memory", "onnection closed", "onnection reset", "NCCL")
    )


def _which_process() -> str:
    rank = os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or "0"
    return f", process {rank}" if rank != "0" else ""


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --json, --quiet and --verbose."""
    command = click.option("-v", "--verbose", is_flag=True, help="Say more.")(command)
    command = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")(command)


NOT_PASSED = "snnc."  # in front of the name of an option that its command is not passed, among a context's notes


def model_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --model, which names the Python file that built a checkpoint's network, so that it may be run."""

    def name(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            from snnc.models.python_file import name_model

            context.meta[NOT_PASSED + str(parameter.name)] = value
            if name_model(value) == value:
                raise ConfigError(f"--model {value!r} is no Python file and function; name them as my_model.py:build")

    text = "Python file and function, FILE.py:FUNCTION, that built the network of a .pt: only code that is named is run."
    return click.option("--model", callback=name, expose_value=False, help=text)(command)


def stated_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that state what files of lava-dl do not say; together they are its argument `stated`."""

    @wraps(command)
    def gathered(*arguments: Any, **options: Any) -> Any:
        stated = {name: options.pop(name) for name in ("timesteps", "input_range", "entries")}
        return command(*arguments, stated=stated, **options)

    steps = "Time steps of a sample, for a .net file of lava-dl.  [default: as stated before]"
    bounds = "Least and largest input of such a file.  [default: as the file suggests]"
    first = click.option("--entries", type=click.IntRange(1), help="Read only the first entries of such a file.")(gathered)
    second = click.option("--input-range", type=int, nargs=2, default=None, help=bounds)(first)
    return click.option("-T", "--timesteps", type=click.IntRange(1, 2**15), help=steps)(second)


class Messages(logging.Handler):
    """What the toolchain tells while a command waits for it, as lines on the command's console."""

    def __init__(self, console: Console):
        """Show all that is not for debugging."""
        super().__init__(logging.INFO)
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message."""
        self.console.print(record.getMessage(), style="dim")


def console_for(as_json: bool, quiet: bool) -> Console:
    """Return the console of a command, which shows snnc's log too; it says nothing if JSON or silence was asked for."""
    console, log = screen(quiet=as_json or quiet), logging.getLogger("snnc")
    log.handlers = [Messages(console)]  # of the command that runs now
    log.setLevel(logging.WARNING if console.quiet else logging.INFO)  # processes of a sweep have the same
    return console
