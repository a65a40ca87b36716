"""Headers of arrays: read as numpy wrote them, and compared with the bytes that follow."""

from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest

from snnc.toolchain.data.npy_header import Header, header_in, read_header


def content(array: object, version: tuple[int, int] | None = None) -> bytes:
    stream = BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), version=version)
    return stream.getvalue()


def header(data: bytes) -> Header:
    return read_header(BytesIO(data), len(data))


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("kind", ["u1", ">i4", "f8", "U3"])
def test_shape_type_and_bytes_are_read(version: tuple[int, int], kind: str) -> None:
    array = np.zeros((3, 4), kind)
    found = header(content(array, version))
    assert found == Header((3, 4), array.dtype, array.nbytes)
    assert found.claimed == array.nbytes
    found.check("x")


def test_arrays_in_an_archive_are_found_by_name() -> None:
    stream = BytesIO()
    np.savez_compressed(stream, x=np.zeros(1000, np.int16))
    with ZipFile(stream) as archive:
        assert header_in(archive, "x") == Header((1000,), np.dtype(np.int16), 2000)
        with pytest.raises(KeyError):
            header_in(archive, "y")


@pytest.mark.parametrize("change", [-1, 1])
def test_other_sizes_than_the_header_claims_are_refused(change: int) -> None:
    whole = content(np.zeros(10, np.uint8))
    with pytest.raises(ValueError, match=rf"^x claims 10 bytes, which are not those that it holds \({10 + change}\)$"):
        header(whole[:-1] if change < 0 else whole + b"\0").check("x")


def test_negative_sizes_are_refused() -> None:
    stream = BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (-4,)})
    with pytest.raises(ValueError, match="claims -4 bytes"):
        header(stream.getvalue()).check("x")


def test_objects_and_other_versions_are_refused() -> None:
    with pytest.raises(ValueError, match="x holds objects, which could run code; store numbers"):
        Header((1,), np.dtype(object), 8).check("x")
    with pytest.raises(ValueError, match=r"version \(3, 0\) of the format; write it again with numpy\.save"):
        header(content(np.zeros(2), (3, 0)))
    with pytest.raises(ValueError, match="magic"):
        header(b"no array")
