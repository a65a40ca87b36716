"""Models that a Python file builds: `my_model.py:build`, run only because the user names it.

`build(config, input, classes)` returns a trainable network, or the list of its layers. The file must stand alone but for
installed packages: its text, without files beside it, is what a checkpoint keeps.
"""

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from snnc.toolchain.errors import ConfigError, one_line
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.model_file import ModelFile, digest_of_text, model_file

MOST_TEXT = 2**20  # bytes of a file


@dataclass(frozen=True)
class Code:
    """A file that the user named in this process: its text, and the function that was found in it."""

    origin: ModelFile
    text: str
    build: Callable[[TrainConfig, Input, int], Any]


_NAMED: dict[tuple[str, str], Code] = {}  # by digest and function


def name_model(model: str) -> str:
    """Run the Python file that a user names as a model, and return its name with its digest; other models are not touched.

    Raises ConfigError for a file that cannot be read, whose code fails, or without such a function.
    """
    origin = model_file(model)
    if origin is None or origin.digest:  # a digest is what checkpoints hold, and those name nothing
        return model
    text = _text(origin.file)
    known = ModelFile(origin.file, origin.function, digest_of_text(text))
    if (known.digest, known.function) not in _NAMED:
        _NAMED[known.digest, known.function] = Code(known, text, _function(known, text))
    return str(known)


def code_of(model: str) -> Code:
    """Return the code of a model of a checkpoint. Raises ConfigError unless the user named the very file in this process."""
    origin = model_file(model)
    if origin is None or not origin.digest:
        raise ConfigError(f"model {model!r} is no Python file with a digest; name it with --model FILE.py:FUNCTION")
    if code := _NAMED.get((origin.digest, origin.function)):
        return code
    others = ", ".join(f"{code.origin.named} has {digest}" for (digest, _), code in _NAMED.items())
    if others:
        raise ConfigError(
            f"the model is {origin.named} with the digest {origin.digest}, but {others}; name the file as it was "
            "(snnc inspect --save-model writes the text that a checkpoint keeps)"
        )
    raise ConfigError(
        f"the model is code, which runs only if you name its file: add --model {origin.named} (model=... in "
        "Python); snnc inspect --save-model writes the text that a checkpoint keeps"
    )


def from_python(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build the network of the Python file `config.model`. Raises ConfigError as `code_of`, or for what its code does wrong."""
    code = code_of(config.model)
    where = code.origin.named
    built = _called(code.origin, lambda: code.build(config, input, classes))
    if isinstance(built, list | tuple) and built and all(isinstance(each, SpikingLayer | ReadOut) for each in built):
        network = SpikingNetwork(where, config.timesteps, input)
        for layer in built:
            network.add(layer)
    elif isinstance(built, SpikingNetwork):
        network = built
    else:
        raise ConfigError(f"{where} returned {type(built).__name__}; return a SpikingNetwork, or the list of its layers")
    outputs = network.readout.output_shape
    found = (network.input, network.timesteps, outputs)
    if found != (input, config.timesteps, (classes,)):
        raise ConfigError(
            f"{where} built a network of {network.timesteps} time steps, input {network.input.shape} and outputs {outputs}; "
            f"needed are {config.timesteps}, {input.shape} and ({classes},): take them from its arguments"
        )
    network.source = code.text
    return network


def _text(file: str) -> str:
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f"model file {file}: there is no such file; name it as FILE.py:FUNCTION, such as my_model.py:build")
    try:
        if path.stat().st_size > MOST_TEXT:
            raise ConfigError(f"model file {file}: it has more than {MOST_TEXT:,} bytes; move what is no code out of it")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"model file {file}: cannot be read ({one_line(error)}); write it as UTF-8") from None


def _function(origin: ModelFile, text: str) -> Callable[[TrainConfig, Input, int], Any]:
    module = ModuleType(f"snnc_model_{origin.digest}")
    module.__file__ = str(Path(origin.file).resolve())
    sys.modules[module.__name__] = module  # where dataclasses look for their own module
    _called(origin, lambda: exec(compile(text, origin.file, "exec"), module.__dict__))
    function: Any = getattr(module, origin.function, None)
    if not callable(function):
        raise ConfigError(f"model file {origin.file}: it has no function {origin.function!r}; define it, or name another")
    return function  # type: ignore[no-any-return]


def _called(origin: ModelFile, call: Callable[[], Any]) -> Any:
    """Call what is the user's. Raises ConfigError, with the file's line, for whatever that raises."""
    try:
        return call()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's code may fail in any way there is
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == origin.file), None)
        line = error.lineno if isinstance(error, SyntaxError) else line
        place = f"{origin.file}, line {line}" if line else origin.named
        raise ConfigError(f"{place}: {type(error).__name__}: {one_line(error)}") from None
