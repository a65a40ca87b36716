"""Options of `snnc train` and `snnc demo`: one for each setting of TrainConfig and of every training method."""

from collections.abc import Collection
from dataclasses import Field
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from snnc.cli.options import Command
from snnc.toolchain.settings import settings_of
from snnc.toolchain.training.config import TrainConfig, methods_with
from snnc.toolchain.training.methods import METHODS

SHORT = {"data": "-d", "model": "-m", "batch_size": "-b", "seed": "-s"}  # of the settings that have a short option
# Tables whose rows are known only once torch or a dataset library is loaded: completed, but not listed in the help.
TABLES = {
    "data": ("snnc.toolchain.data.table", "DATASETS"),
    "model": ("snnc.models", "MODELS"),
    "weights": ("snnc.toolchain.layers.quantize", "WEIGHTS"),
    "surrogate": ("snnc.toolchain.layers.surrogate", "SURROGATES"),
}


class Choice(click.Choice[str]):
    """Names that the help and the shell's completion list; TrainConfig refuses others, in one line."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the value as it is."""
        return value


class TrainingCommand(Command):
    """A command with an option for each setting; METHODS is read when it is called, so that a new row has its options."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options, and those of the settings in front of --json, --quiet and --verbose."""
        own = super().get_params(ctx)
        place = next((i for i, option in enumerate(own) if option.name == "as_json"), len(own))
        return [*own[:place], *setting_options(), *own[place:]]


def setting_options() -> list[click.Parameter]:
    """Return an option for each setting of TrainConfig, and one for each setting that methods have of their own."""
    common: list[click.Parameter] = [_option(each, f"default: {each.default}") for each in settings_of(TrainConfig)]
    own = {each.name: each for method in reversed(METHODS.values()) for each in settings_of(method.settings)}
    for name, each in sorted(own.items()):
        default = f"; default: {each.default}" if each.default != "" else ""
        common.append(_option(each, f"methods: {', '.join(methods_with(name))}{default}"))
    return common


def _option(each: "Field[Any]", note: str) -> click.Option:
    names = [f"--{each.name.replace('_', '-')}", *filter(None, [SHORT.get(each.name)])]
    choices: Collection[str] = each.metadata["choices"]
    kind: Any = Choice(list(choices)) if choices else type(each.default)
    complete = _complete if each.name in TABLES else None
    return click.Option([*names, each.name], type=kind, help=f"{each.metadata['help']}  [{note}]", shell_complete=complete)


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    module, table = TABLES[str(parameter.name)]
    return [CompletionItem(name) for name in getattr(import_module(module), table) if name.startswith(incomplete)]
