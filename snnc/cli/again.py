"""The options that a command was given, as words of a command line that repeats it."""

from collections.abc import Collection
from typing import Any

import click
from click.core import ParameterSource

from snnc.cli.options import NOT_PASSED

OUTPUTS = ("report", "traces", "predictions", "as_json", "quiet", "verbose")


def given_options(context: click.Context, leave_out: Collection[str] = OUTPUTS) -> tuple[tuple[str, ...], ...]:
    """Return each option that the command line named, with its values, except those of some names."""
    found: list[tuple[str, ...]] = []
    for parameter in context.command.get_params(context):
        name = str(parameter.name)
        named = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if isinstance(parameter, click.Option) and named and name not in leave_out:
            found += _words(parameter, context.params.get(name, context.meta.get(NOT_PASSED + name)))
    return tuple(found)


def command_of(context: click.Context) -> tuple[str, ...]:
    """Return the whole command as words: its name, its arguments, and its options."""
    arguments: list[str] = []
    for parameter in context.command.get_params(context):
        if isinstance(parameter, click.Argument):
            value = context.params[str(parameter.name)]
            arguments += map(str, value) if isinstance(value, tuple) else [str(value)]
    options = [word for option in given_options(context, ()) for word in option]
    return ("snnc", str(context.info_name), *arguments, *options)


def _words(option: click.Option, value: Any) -> list[tuple[str, ...]]:
    name = max(option.opts, key=len)
    if option.is_flag:
        return [(name,)]
    if option.multiple:
        return [(name, str(each)) for each in value]
    return [(name, *(str(each) for each in (value if isinstance(value, tuple) else (value,))))]
