"""Where a verdict comes from: the command, the sources, the digests of all that was read, and what it ran on."""

import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from snnc.export.c.compiler import compiler
from snnc.report.run import Run, line
from snnc.verification.engines import ENGINES

BLOCK = 2**20
BATCH = 256  # samples that are read at a time
SECONDS = 10  # that git or a compiler may take to say what it is


def provenance(run: Run) -> dict[str, Any]:
    """Return as plain values what must be known to repeat a verification.

    Keys of `commands` are those of the values that each command gives again.
    """
    here, own = git_commit(Path.cwd()), commit_of_snnc()
    return {
        "command": line(*run.command),
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "git_commit": here,
        "snnc_commit": own,
        "network": run.subject.network.digest(),
        "files": {file: digest_of_file(Path(file)) for file in run.files},
        "data": run.data or "random inputs",
        "data_digest": digest_of_data(run),
        "samples": run.samples.count,
        "versions": versions_of(run),
        "system": platform.platform(),
        "processor": processor(),
        "threads": run.subject.threads or os.cpu_count(),
        "device": run.subject.device,
        "seed": run.checkpoint.config.seed if run.checkpoint else None,
        "commands": {
            "network": line("snnc", "inspect", run.files[0], "--json"),
            "files": line("sha256sum", *run.files),
            "versions": "snnc --version",
        }
        | ({"git_commit": "git rev-parse HEAD"} if here else {}),
    }


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def digest_of_data(run: Run) -> str:
    """Return a SHA-256 over the shape of the chip's inputs, their values as 32-bit integers, and their labels."""
    digest = hashlib.sha256()
    for start in range(0, run.samples.count, BATCH):
        part = run.samples.part(start, min(start + BATCH, run.samples.count))
        digest.update(repr((part.frames.shape, part.labels is not None)).encode())
        digest.update(np.ascontiguousarray(part.frames, "<i4").tobytes())
        if part.labels is not None:
            digest.update(np.ascontiguousarray(part.labels, "<i8").tobytes())
    return digest.hexdigest()


def git_commit(folder: Path) -> str | None:
    """Return the commit that a folder is at, with "+" if tracked files were changed; None where git knows of none."""
    return _said("git", "-C", str(folder), "describe", "--always", "--exclude=*", "--abbrev=64", "--dirty=+") or None


def commit_of_snnc() -> str | None:
    """Return the commit of these sources; None where they are installed, be it in a folder within someone's repository."""
    source = Path(__file__)
    return git_commit(source.parent) if _said("git", "-C", str(source.parent), "ls-files", source.name) else None


def versions_of(run: Run) -> dict[str, str]:
    """Return the versions of snnc, Python, and the libraries of all engines that ran; none of them is imported."""
    names = dict.fromkeys(name for engine in run.verdict.engines for name in ENGINES[engine].libraries)
    found = {"snnc": version_of("snnc"), "Python": platform.python_version()}
    found |= {name: version_of(name) for name in ("h5py", *names)}
    command = compiler()
    if "c" in run.verdict.engines and command:
        found["C compiler"] = (_said(*command, "--version") or "unknown").splitlines()[0]
    return found


def version_of(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """Return the name of the processor, as the system says it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            named = next((text.split(":", 1)[1].strip() for text in file if text.startswith("model name")), "")
    except OSError:
        named = ""
    return named or platform.processor() or platform.machine()


def _said(*command: str) -> str:
    """Return what a program prints, or "" if it is not there, fails, or takes too long."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, errors="replace")
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
