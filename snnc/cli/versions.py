"""What snnc runs on here: its version, the C kernel, and the libraries that are installed."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("torch", "numpy", "h5py", "nir", "onnx", "onnxruntime", "lava-nc", "lava-dl")


def versions() -> Iterator[str]:
    """Yield one line each for snnc, Python, the C kernel and every library; none of these is imported."""
    yield f"snnc {version('snnc')}"
    yield f"Python {platform.python_version()}"
    yield f"C kernel: {_kernel()}"
    for package in PACKAGES:
        yield f"{package} {_version(package)}"


def _kernel() -> str:
    from snnc.toolchain.errors import EngineError
    from snnc.toolchain.native.library import load_kernel

    try:
        return f"vectors of {load_kernel().width} bytes"
    except EngineError as error:
        return str(error)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"
