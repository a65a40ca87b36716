"""Builds the C kernels as plain shared libraries; all else stands in pyproject.toml.

They are loaded by ctypes and use no Python API, so one file and one wheel serve every Python 3 of a platform.
"""

import runpy
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

NATIVE = Path("toolchain", "native")
DIGEST = runpy.run_path(str(NATIVE / "sources.py"))["option"](NATIVE)


class BuildKernels(build_ext):
    """Names the libraries without the tag of one Python, and writes into each of what sources it was built."""

    def get_ext_filename(self, fullname: str) -> str:
        """Return the file of a kernel; library.py looks for this name."""
        return str(Path(*fullname.split(".")).with_suffix(".so"))

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """Return no names: there is no PyInit function to export."""
        return ext.export_symbols

    def build_extension(self, ext: Extension) -> None:
        """Compile one width, without the debug information that Python itself was built with: a third of the wheel."""
        ext.extra_compile_args += [DIGEST, "-g0"]
        super().build_extension(ext)


class AnyPython(bdist_wheel):
    """Tags wheels for every Python 3 of this platform."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tag."""
        return "py3", "none", super().get_tag()[2]


setup(cmdclass={"build_ext": BuildKernels, "bdist_wheel": AnyPython})
