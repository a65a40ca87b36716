"""A forked process computes although its parent has used torch's threads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FORKED = """
import os, sys, torch, snnc
torch.set_num_threads(2)
snnc.load_model(sys.argv[1])
torch.exp(torch.ones(10**7))
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
model, checkpoint = snnc.load_model(sys.argv[1])
network = snnc.lower(model, checkpoint.labels)
samples = snnc.load_dataset("digits").test.first(50)
torch.exp(torch.ones(10**7))
print(snnc.verify(network, samples, model=model, engines=["torch"]).equal)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_model_is_loaded_and_verified_in_a_fork(tiny_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED, str(tiny_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
