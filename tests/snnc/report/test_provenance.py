"""Provenance: digests that tell any change, and what git and the machine say."""

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from report_runs import small_run

from snnc.report import provenance as module
from snnc.report.provenance import commit_of_snnc, digest_of_data, git_commit, provenance
from snnc.verification.verify import InMemory


def test_it_says_all_that_a_verdict_depends_on() -> None:
    run = small_run()
    found = provenance(run)
    assert found["command"] == "snnc simulate 'a b.net'"
    assert found["network"] == run.subject.network.digest()
    assert found["files"] == {run.files[0]: hashlib.sha256(Path(run.files[0]).read_bytes()).hexdigest()}
    assert {"snnc", "Python", "numpy", "torch"} <= set(found["versions"])
    assert found["processor"] and found["system"] and found["threads"] >= 1
    assert (found["seed"], found["data"], found["samples"]) == (None, "noise", 12)


def test_the_digest_of_data_tells_any_change() -> None:
    run = small_run()
    assert isinstance(run.samples, InMemory) and run.samples.labels is not None
    frames, labels = run.samples.frames.copy(), run.samples.labels.copy()
    frames.flat[5] += 1
    labels[3] += 1
    others = [InMemory(frames, run.samples.labels), InMemory(run.samples.frames, labels), InMemory(run.samples.frames)]
    digests = {digest_of_data(replace(run, samples=each)) for each in (run.samples, *others)}
    assert len(digests) == 4
    same = InMemory(run.samples.frames.astype("i8"), run.samples.labels)
    assert digest_of_data(replace(run, samples=same)) == digest_of_data(run)


def test_the_commit_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    assert git_commit(tmp_path) is None
    author = ("-c", "user.name=a", "-c", "user.email=a@b")

    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), *author, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-qm", "first")
    assert git_commit(tmp_path) == git("rev-parse", "HEAD")
    (tmp_path / "file").write_text("2")
    assert git_commit(tmp_path) == git("rev-parse", "HEAD") + "+"
    installed = tmp_path / ".venv" / "provenance.py"
    installed.parent.mkdir()
    installed.write_text("")
    monkeypatch.setattr(module, "__file__", str(installed))
    assert git_commit(installed.parent) and commit_of_snnc() is None  # the commit of a user's project is not snnc's
    git("add", ".venv")
    assert commit_of_snnc() == git("rev-parse", "HEAD") + "+"
    monkeypatch.setenv("PATH", "")
    assert git_commit(tmp_path) is None
