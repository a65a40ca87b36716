"""The C compiler of this machine: which one, and what it is asked for."""

import os
import shlex
import shutil
from collections.abc import Sequence

MISSING = "there is no C compiler; install one (Debian: apt-get install gcc), or name it with CC"
FLAGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O2")


def compiler() -> list[str] | None:
    """Return the command of `$CC`, cc, gcc or clang, whichever is there first, or None."""
    named = shlex.split(os.environ.get("CC", ""))
    candidates: list[Sequence[str]] = [named] if named else [["cc"], ["gcc"], ["clang"]]
    return next((list(command) for command in candidates if shutil.which(command[0])), None)
