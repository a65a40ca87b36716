"""snnc demo: the whole way once, on handwritten digits."""

from pathlib import Path
from typing import Any

import click

from snnc.cli.options import FileName, console_for, output_options
from snnc.cli.simulate import described_run, finish, run
from snnc.cli.train import configured, kept_outputs, run_training
from snnc.cli.training_options import TrainingCommand
from snnc.toolchain.output_file import check_output


@click.command(cls=TrainingCommand)
@click.option("-c", "--config", "config_file", type=FileName(), help="TOML file of settings; options override it.")
@click.option("-o", "--output", type=FileName(), default="snnc-demo", show_default=True, help="Folder to write to.")
@click.option("--force", is_flag=True, help="Replace the checkpoint and the history of an earlier demo.")
@output_options
def demo(config_file: str | None, output: str, force: bool, as_json: bool, quiet: bool, verbose: bool, **settings: Any) -> None:
    """Do the whole way once: train on handwritten digits, export to Loihi 2, simulate on every engine, write a report.

    \b
    Example: snnc demo --output snnc-demo
    """
    from snnc.export import TARGETS
    from snnc.export import export as export_network
    from snnc.files import load_subject, split_for
    from snnc.verification.engines import Subject
    from snnc.verification.verify import frames_of

    console, folder = console_for(as_json, quiet), Path(output)
    config = configured(None, config_file, settings)
    inputs = [config_file] if config_file else []
    for name in ("model.net", "report.html"):
        check_output(folder / name, inputs=inputs)
    console.rule("1. train -> model.pt", align="left")
    with kept_outputs(folder / "model.pt", inputs, replaces=force):
        checkpoint = run_training(config, folder / "model.pt", console, verbose=verbose)
    console.rule("2. export --target loihi2 -> model.net", align="left")
    trained, _ = load_subject(folder / "model.pt")
    file = export_network(trained.network, "loihi2", folder / "model.net")
    exported = TARGETS["loihi2"].read(file)
    console.print(f"{file}: {len(exported.layers)} layers, read back and equal")
    console.rule("3. simulate the exported file on every engine", align="left")
    # The file goes to the simulators, the checkpoint to torch: equal means that the export lost nothing.
    subject = Subject(exported, trained.model, (file,))
    samples = frames_of(exported, split_for(exported, None, None))
    verdict = run(subject, samples, (), console, all_samples=False)
    files = (str(file), str(folder / "model.pt"))
    done = described_run(verdict, subject, samples, files, data=config.data, checkpoint=checkpoint, options=())
    finish(done, console, folder / "report.html", as_json=as_json)
