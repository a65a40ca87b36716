"""Runs the notebooks, each in an empty folder, and writes what they print into them: `python docs/run_notebooks.py`.

With --check it writes nothing and exits with 1 where a notebook prints something else, numbers of a training apart.
"""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent / "notebooks"
TRAINED = {"first_steps.ipynb"}  # what these print depends on the processor, which sums floats in its own order


def executed(path: Path) -> Any:
    """Return a notebook with the outputs of a run. Raises CellExecutionError where a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}})
        os.environ["IPYTHONDIR"] = folder
        manager = client.create_kernel_manager()
        manager.transport, manager.ip = "ipc", f"{folder}/kernel"  # no ports, which others on the machine could reach
        client.execute()
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for cell in notebook.cells:
        cell.metadata.clear()
    return notebook


def printed(notebook: Any, *, numbers: bool) -> list[str]:
    """Return what each cell prints, perhaps without its numbers and its columns."""
    texts = []
    for cell in notebook.cells:
        outputs = cell.outputs if cell.cell_type == "code" else []
        text = "".join(each.text if each.output_type == "stream" else each.data["text/plain"] for each in outputs)
        texts.append(text if numbers else " ".join(re.sub(r"[ -]*\d[\d.,]*", " # ", text).split()))
    return texts


def main() -> None:
    """Run all notebooks, or those that are named."""
    check, names = "--check" in sys.argv, [name for name in sys.argv[1:] if name != "--check"]
    os.environ["OMP_NUM_THREADS"] = "1"
    wrong = False
    for path in map(Path, names) if names else sorted(FOLDER.glob("*.ipynb")):
        notebook = executed(path)
        if check:
            numbers = path.name not in TRAINED
            same = printed(notebook, numbers=numbers) == printed(nbformat.read(path, as_version=4), numbers=numbers)
            wrong |= not same
            print(f"{path.name}: {'as written' if same else 'prints something else; run docs/run_notebooks.py'}")
        else:
            nbformat.write(notebook, path)
            print(path)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
