"""How a network was trained: its settings, the metrics of every epoch, and the command that trains it again."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from snnc.report.run import Run, line
from snnc.toolchain.errors import SnncError
from snnc.toolchain.output_file import beside
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.metrics import Epoch

HISTORY = ".history.json"
MOST_BYTES = 2**26  # of a history that is read


def training(run: Run) -> dict[str, Any] | None:
    """Return settings and epochs as plain values: of the checkpoint, or of the history beside a file; None without either."""
    if run.checkpoint:
        source = next((file for file in run.files if file.endswith(".pt")), "the checkpoint")
        config, epochs = run.checkpoint.config, list(run.checkpoint.history)
    else:
        found = next(filter(None, (_history_beside(file) for file in run.files)), None)
        if found is None:
            return None
        source, config, epochs = found
    if not epochs:
        return None
    return {
        "source": source,
        "settings": config.as_dict(),
        "epochs": [asdict(epoch) for epoch in epochs],
        "command": line("snnc", "train", *options_of(config), "--output", "again.pt"),
    }


def options_of(config: TrainConfig) -> list[str]:
    """Return the options of `snnc train` that give a configuration: those that are not at their defaults."""
    usual = TrainConfig().replaced(method=config.method).as_dict() | {"method": TrainConfig().method}
    given = {name: value for name, value in config.as_dict().items() if value != usual[name]}
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def _history_beside(file: str) -> tuple[str, TrainConfig, list[Epoch]] | None:
    """Read the history beside a file; None if there is none that can be read."""
    path = beside(Path(file), HISTORY)
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(path), TrainConfig.from_dict(content["config"]), [Epoch(**epoch) for epoch in content["epochs"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError, SnncError):
        return None
