"""Makes a page of each notebook: its text, its code and what that printed. mkdocs calls `on_files`."""

import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a Markdown page beside every notebook, which stays as a download."""
    for file in [each for each in files if each.src_uri.endswith(".ipynb")]:
        content = page(json.loads(file.content_string), Path(file.src_uri).name)
        files.append(File.generated(config, file.src_uri.removesuffix(".ipynb") + ".md", content=content))
    return files


def page(notebook: dict[str, Any], name: str) -> str:
    """Return a notebook as Markdown."""
    first, *cells = notebook["cells"]
    title, text = "".join(first["source"]).split("\n", 1)
    note = f"This page is a notebook: [download it]({name}) and run it in Jupyter. The tests run it too."
    return "\n\n".join([title, note, text, *map(_cell, cells)]) + "\n"


def _cell(cell: dict[str, Any]) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    printed = "".join(_printed(output) for output in cell["outputs"]).rstrip()
    return f"```python\n{source}\n```" + (f"\n\n```text\n{printed}\n```" if printed else "")


def _printed(output: dict[str, Any]) -> str:
    text = output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"]
    return "".join(text).rstrip("\n") + "\n"
