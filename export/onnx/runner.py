"""onnxruntime as an engine: the exported graph, with the spikes and membranes of every layer added to its outputs."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from snnc.export.onnx.file import content
from snnc.export.onnx.graph import trace_outputs
from snnc.export.onnx.nodes import IMAGE
from snnc.export.onnx.violations import OnnxOptions
from snnc.toolchain.errors import EngineError, one_line
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.trace import Trace


def run_onnx(network: Network, samples: NDArray[np.integer], *, file: Path | None = None) -> Trace:
    """Run samples `(B, ...)` or `(T, B, ...)` of chip values on the CPU and return the trace.

    `file` is the `.onnx` file that holds the network; without one the graph is made on the fly. Raises EngineError if
    the file's input has another rank than the samples, or if onnxruntime fails.
    """
    timed = samples.ndim > len(network.input.shape) + 1
    session = _session(file.read_bytes() if file else _made(network, timed), network)
    image = session.get_inputs()[0]
    raw = samples + network.input.zero_point
    if len(image.shape) > raw.ndim:  # a graph of events, fed with the same frame at every step
        raw = np.broadcast_to(raw, (network.timesteps, *raw.shape))
    if len(image.shape) != raw.ndim:
        raise EngineError(f"engine 'onnx': the file takes one image for all steps, got samples of shape {samples.shape}")
    kind = np.uint8 if "uint8" in image.type else np.int32
    names = [output.name for output in trace_outputs(network)]
    try:
        values = dict(zip(names, session.run(names, {IMAGE: np.ascontiguousarray(raw, kind)}), strict=True))
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise EngineError(f"engine 'onnx': {one_line(error, 300)}") from None
    layers = [layer.name for layer in network.layers]
    return Trace(
        "onnx",
        {name: values[f"{name}/spikes"].astype(bool) for name in layers},
        {name: values[f"{name}/membranes"].astype(np.int32) for name in layers},
    )


@lru_cache(maxsize=2)
def _made(network: Network, timed: bool) -> bytes:
    return content(network, OnnxOptions(timed=timed))


@lru_cache(maxsize=2)
def _session(file: bytes, network: Network) -> Any:
    model = onnx.load_model_from_string(file)
    present = {output.name for output in model.graph.output}
    model.graph.output.extend(output for output in trace_outputs(network) if output.name not in present)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # only errors
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
