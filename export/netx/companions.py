"""What lies beside a `.net` file: a script that runs it without snnc, and the spikes that are expected of it."""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.export.target import Companion, option
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.reference import simulate

SCRIPT = Path(__file__).parents[1] / "lava" / "run_model.py"
EXPECTED = "{stem}.expected.npz"


@dataclass(frozen=True)
class NetxOptions:
    """What is written beside a `.net` file."""

    script: bool = option(
        False, "Write run_NAME.py as well, which runs NAME.net in Lava or on a chip, and NAME.expected.npz for its --check."
    )


def companions(options: NetxOptions) -> tuple[Companion, ...]:
    """Return the script and its expected spikes, if they are wanted."""
    if not options.script:
        return ()
    return (Companion("run_{stem}.py", script, keeps_edits=True), Companion(EXPECTED, expected, takes_samples=True))


def script(network: Network, file: Path, samples: NDArray[np.integer]) -> bytes:
    """Return a script that runs a file: run_model.py with its names."""
    text = SCRIPT.read_text(encoding="utf-8")
    for constant, name in {"NETWORK": file.name, "EXPECTED": EXPECTED.replace("{stem}", file.stem)}.items():
        before, _, after = re.split(f"^({constant} = .*)$", text, maxsplit=1, flags=re.MULTILINE)
        text = f"{before}{constant} = {name!a}{after}"
    if re.fullmatch(r"[\w.-]+", file.stem):
        text = text.replace("run_model.py", f"run_{file.stem}.py")
    return text.encode()


def expected(network: Network, file: Path, samples: NDArray[np.integer]) -> bytes:
    """Return an `.npz` of samples and every spike and membrane that the network gives them; docs/loihi.md lists its arrays."""
    trace = simulate(network, samples)
    arrays: dict[str, NDArray[np.generic]] = {"input": samples}
    for what, values in (("spikes", trace.spikes), ("v", trace.membranes)):
        for name, array in values.items():
            whole = array.swapaxes(0, 1).reshape(-1, *array.shape[2:])  # sample behind sample, as they are streamed
            arrays[f"{what}/{name}"] = whole.astype(np.uint8 if what == "spikes" else np.int32)
    written = BytesIO()
    counts = {"timesteps": network.timesteps, "reset_interval": network.timesteps, "samples": trace.samples}
    classes = trace.outputs(network).argmax(axis=1)
    np.savez_compressed(written, allow_pickle=False, **arrays, **counts, classes=classes, digest=np.array(network.digest()))
    return written.getvalue()
