"""Names of models that are Python files: `my_model.py:build`, and with the digest of the file's text once it was read.

Code runs only if the user names its file. A checkpoint names the digest, `my_model.py:build@0123456789abcdef`, and keeps the
text; neither makes anything run.
"""

import hashlib
import re
from dataclasses import dataclass

SPECIFIED = re.compile(r"(.+\.py):([A-Za-z_]\w*)(?:@([0-9a-f]{16}))?", re.ASCII | re.DOTALL)
DIGITS = 16  # of the digest that are shown


@dataclass(frozen=True)
class ModelFile:
    """A Python file, the function in it that builds the network, and the digest of its text; "" if it was not read."""

    file: str
    function: str
    digest: str = ""

    def __str__(self) -> str:
        """Return the text that `model_file` reads."""
        return f"{self.named}@{self.digest}" if self.digest else self.named

    @property
    def named(self) -> str:
        """How a user names it."""
        return f"{self.file}:{self.function}"


def model_file(model: str) -> ModelFile | None:
    """Return the file that a model's name means; None if it means something else."""
    found = SPECIFIED.fullmatch(model)
    return ModelFile(found[1], found[2], found[3] or "") if found else None


def digest_of_text(text: str) -> str:
    """Return the first digits of the SHA-256 of a file's text."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:DIGITS]


def check_kept(model: str, source: str) -> None:
    """Raise ValueError unless a checkpoint's model is no Python file, or one whose digest is that of the text it keeps."""
    named = model_file(model)
    if (named.digest if named else "") != (digest_of_text(source) if source else ""):
        raise ValueError(f"its model {model[:80]!r} is not the code that it keeps")
