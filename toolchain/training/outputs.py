"""The files that a training writes besides its checkpoint, and the check that it may."""

from pathlib import Path

from snnc.toolchain.atomic_file import check_writable
from snnc.toolchain.output_file import beside, check_output
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import method_named


def best_of(out: str | Path) -> Path:
    """Return the file beside a checkpoint in which its best epoch is kept, where samples are held out to choose it by."""
    return beside(out, ".best.pt")


def check_outputs(config: TrainConfig, out: str | Path) -> None:
    """Raise ConfigError or SnncError if a file of a training may not be written, such as one that it reads."""
    recipes = method_named(config.method).networks(config)
    read = [recipe.checkpoint for recipe in recipes if recipe.checkpoint]
    check_output(out, (".pt",), read)
    if config.validation:
        check_output(best_of(out), inputs=read)
    for kept in (recipe.keep for recipe in recipes if recipe.keep):
        check_output(kept, (".pt",), [*read, out])
        check_writable(kept)
