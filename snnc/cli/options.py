"""What all commands share: errors in one line, --json, --quiet and --verbose, and the console they print to."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console

from snnc.toolchain.errors import DifferentNetworks, SnncError


class OneLineErrors(click.Group):
    """A group whose commands never show a traceback for what the user can mend."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; print an SnncError or a fault of the operating system in one line and exit with 2.

        Files that hold different networks are a difference: exit status 1.
        """
        try:
            return super().invoke(context)
        except (SnncError, OSError, MemoryError, RuntimeError) as error:
            known = isinstance(error, (SnncError, OSError, MemoryError)) or _of_the_machine(error)
            if not known:
                raise
            message = str(error) if isinstance(error, SnncError) else f"{type(error).__name__}: {error}"
            click.echo(f"snnc{_which_process()}: {' '.join(message.split())[:1000]}", err=True)
            context.exit(1 if isinstance(error, DifferentNetworks) else 2)
        except KeyboardInterrupt:
            click.echo("snnc: stopped", err=True)
            context.exit(130)


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


def console_for(as_json: bool, quiet: bool) -> Console:
    """Return the console of a command; it says nothing if JSON or silence was asked for."""
    # No markup: names of files and layers may hold brackets.
    return Console(quiet=as_json or quiet, soft_wrap=not sys.stdout.isatty(), markup=False, emoji=False, highlight=False)
