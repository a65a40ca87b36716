"""CONTRIBUTING.md tells the truth: each of its rows works in training, export and verification, and its folders exist."""

import re
import subprocess
import sys
from pathlib import Path

import snnc
from snnc.toolchain.layers.quantize import WEIGHTS
from snnc.toolchain.layers.surrogate import SURROGATES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^### [^\n]*`([A-Z]+)` in `([a-z_/.]+)`\n(.*?)```python\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)
TABLES = {
    **{name: getattr(snnc, name) for name in snnc.__all__ if name.isupper()},
    "WEIGHTS": WEIGHTS,
    "SURROGATES": SURROGATES,
}
USE = """
from snnc.toolchain.network.chips import violations

epochs = dict(epochs_float=3, epochs_quantized=3, epochs_integer=2)
config = snnc.TrainConfig(
    data="stripes", model="perceptron", method="smooth", weights="five", surrogate="triangle", timesteps=3, **epochs
)
snnc.train(config.replaced(smoothing=0.2), "model.pt")
model, checkpoint = snnc.load_model("model.pt")
network = snnc.lower(model, checkpoint.labels)
snnc.export(network, "numpy", "model.npz")
samples = snnc.load_dataset("stripes").test
verdict = snnc.verify(snnc.read_network("model.npz"), samples, model=model, engines=["again", "torch"])
print(verdict.equal, checkpoint.accuracy > 0.9, len(violations(network, snnc.CHIPS["tiny"])))
print(*sorted(set(network.layers[0].synapses[0].weight.ravel().tolist())))
"""


def test_every_table_has_its_section() -> None:
    assert {table for table, *_ in ROWS} == set(TABLES)
    for table, file, _, code in ROWS:
        assert re.search(rf"^{table}: ", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), file
        assert f'{table}["' in code


def test_the_rows_work_together(tmp_path: Path) -> None:
    program = "\n".join([*(code for *_, code in ROWS), USE])
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.stdout == "True True 1\n-2 -1 0 1 2\n", result.stdout + result.stderr


def test_what_it_names_exists() -> None:
    names = re.findall(r"`([a-z_]+/[a-zA-Z_/]+(?:\.[a-z]+)?|[a-zA-Z]+\.(?:md|toml))`", TEXT)
    assert len(names) > 20
    assert not [
        name for name in names if not (ROOT / name.replace("NAME-METHOD", "digits-tna").replace("NAME", "nir")).exists()
    ]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert (
        set(re.findall(r"make ([a-z]+)\b(?=[ `])", "\n".join(re.findall(r"^make.*|`make [a-z]+`", TEXT, re.MULTILINE))))
        <= targets
    )
