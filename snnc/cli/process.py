"""The process around the command line: streams that never fail a verdict, signals, and the exit status."""

import io
import os
import sys
from typing import Any, TextIO

import click

from snnc.cli.main import main
from snnc.toolchain.errors import one_line
from snnc.toolchain.interrupts import catch_termination


def status_of_command() -> int:
    """Run the command line and return its exit status: 0, 1 for a difference, 2 for a fault, 130 or 143 when stopped."""
    guard_streams()
    catch_termination()
    try:
        os.getcwd()
        status = main(standalone_mode=False)
    except OSError as error:  # of the working folder, or of what is printed before a command begins
        where = "the working folder is gone; change to another" if isinstance(error, FileNotFoundError) else one_line(error)
        click.echo(f"snnc: {where}", err=True)
        status = 2
    except click.ClickException as error:
        click.echo(f"{_usage(error)}Error: {one_line(ValueError(error.format_message()), 1000)}", err=True)
        status = error.exit_code
    except click.Abort:
        click.echo("snnc: stopped", err=True)
        status = 130
    except SystemExit as error:
        status = error.code
    return _flushed(status if isinstance(status, int) else 0)


def guard_streams() -> None:
    """Let output fail nothing: characters that the terminal lacks are escaped, and who stops listening is not written to.

    `snnc simulate ... | head -1` keeps the verdict's exit status. Streams that were closed (`>&-`) lead to nowhere, so that no
    file that is opened later takes their place.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = _guarded(sys.stdout, 1), _guarded(sys.stderr, 2)


class _Pipe(io.FileIO):
    """A stream that goes on into nothing once nobody reads it."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if not isinstance(error, BrokenPipeError) and self.fileno() != 2:
                raise  # what was printed is lost; of errors that cannot be printed nobody can be told
            _lead_nowhere(self.fileno())
            return len(data)


def _lead_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _guarded(stream: TextIO | None, number: int) -> TextIO:
    buffered = io.BufferedWriter(_Pipe(number, "w", closefd=False))
    encoding = stream.encoding if stream else "utf-8"
    return io.TextIOWrapper(buffered, encoding, "backslashreplace", line_buffering=number == 2 or os.isatty(number))


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return ""
    return f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n\n"


def _flushed(status: int) -> int:
    """Return the status, or 2 if what was printed could not be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _lead_nowhere(1)  # what is left in the buffer would fail again when the interpreter ends
        if not status:
            sys.stderr.write(f"snnc: standard output cannot be written: {error.strerror}; check the free space\n")
        return status or 2
    return status
