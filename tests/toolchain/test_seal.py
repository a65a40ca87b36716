"""A seal fits the bytes that it was made for and no others."""

from io import BytesIO
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.seal import LENGTH, Seal, Sealing, seal_of, seal_of_file, sealed, sealed_zip


@given(st.binary(max_size=300))
def test_a_seal_fits(content: bytes) -> None:
    assert len(sealed(content)) == len(content) + LENGTH
    assert seal_of(sealed(content)) is Seal.FITS
    assert seal_of(content) is Seal.ABSENT


@given(st.lists(st.binary(max_size=50)))
def test_a_file_is_sealed_part_by_part(parts: list[bytes]) -> None:
    sealing = Sealing(file := BytesIO())
    for part in parts:
        sealing.write(part)
    sealing.finish()
    assert file.getvalue() == sealed(b"".join(parts))


@given(st.binary(max_size=300), st.data())
def test_every_changed_byte_is_noticed(content: bytes, data: st.DataObject) -> None:
    changed = bytearray(sealed(content))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    assert seal_of(bytes(changed)) is not Seal.FITS


@given(st.binary(max_size=300), st.data())
def test_every_cut_and_every_added_byte_is_noticed(content: bytes, data: st.DataObject) -> None:
    whole = sealed(content)
    assert seal_of(whole[: data.draw(st.integers(0, len(whole) - 1))]) is not Seal.FITS
    assert seal_of(whole + data.draw(st.binary(min_size=1, max_size=9))) is not Seal.FITS


def test_a_large_file_is_read_in_blocks_and_left_at_its_start() -> None:
    file = BytesIO(sealed(bytes(3 * 2**20 + 1)))
    assert seal_of_file(file) is Seal.FITS
    assert file.tell() == 0


def test_what_is_wrong_is_said() -> None:
    Seal.FITS.check()
    Seal.ABSENT.check(Seal.ABSENT)
    with pytest.raises(FileFormatError, match="its bytes do not fit the checksum at its end"):
        Seal.BROKEN.check(Seal.ABSENT)
    with pytest.raises(FileFormatError, match="no checksum of snnc at its end"):
        Seal.ABSENT.check()


def test_a_sealed_archive_is_an_archive() -> None:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("a", "text")
    whole = sealed_zip(buffer.getvalue())
    assert seal_of(whole) is Seal.FITS
    with ZipFile(BytesIO(whole)) as archive:
        assert archive.testzip() is None and archive.comment == whole[-LENGTH:]
    with pytest.raises(ValueError, match="no ZIP file"):
        sealed_zip(whole)
