"""Loads the widest kernel that this processor can run; ctypes gives back the interpreter lock around its calls."""

import ctypes
from functools import cache
from pathlib import Path

from snnc.toolchain.errors import EngineError
from snnc.toolchain.native.sources import digest

FOLDER = Path(__file__).parent
WIDTHS = (64, 32, 16)  # bytes of one vector: AVX-512, AVX2, anything else
REMEDY = "install a C compiler (Debian: apt-get install gcc) and install snnc again"


UNKNOWN_SURROGATE = 2  # returned by training.c; 1 is no memory, 0 is done


class LayerStruct(ctypes.Structure):
    """Mirrors Layer in layer.h."""

    _fields_ = tuple(
        (name, ctypes.c_int32)
        for name in (
            *("steps", "hin", "win", "channels", "pool", "h", "w", "kh", "kw"),
            *("stride_y", "stride_x", "pad_y", "pad_x", "ho", "wo", "cout", "keep", "vth"),
        )
    )


class ShortcutStruct(ctypes.Structure):
    """Mirrors Shortcut in layer.h."""

    _fields_ = (("bits", ctypes.c_void_p), *((name, ctypes.c_int32) for name in ("strength", "pool", "height", "width")))


class ResultsStruct(ctypes.Structure):
    """Mirrors Results in layer.h."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("spikes", "membranes", "sums", "given")),
        ("shortcuts", ctypes.POINTER(ShortcutStruct)),
        ("count", ctypes.c_int64),
    )


class ImagesStruct(ctypes.Structure):
    """Mirrors ImagesLayer in images.h."""

    _fields_ = tuple(
        (name, ctypes.c_int32) for name in ("steps", "frames", "cout", "ho", "wo", "keep", "vth", "planes", "tile", "feeds")
    )


class ImagesResultsStruct(ctypes.Structure):
    """Mirrors Results64 in images.h."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in ("bias", "spikes", "membranes"))


class FeedStruct(ctypes.Structure):
    """Mirrors Feed in images.h."""

    _fields_ = (
        ("words", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("plane", "row")),
        *((name, ctypes.c_void_p) for name in ("offsets", "starts")),
        *((name, ctypes.c_int32) for name in ("levels", "planes", "negative")),
    )


class WindowStruct(ctypes.Structure):
    """Mirrors Window in images.h."""

    _fields_ = tuple(
        (name, ctypes.c_int32)
        for name in (
            *("channels", "planes", "hin", "win", "frames_in"),
            *("pool", "pad_y", "pad_x", "stride_x", "kw", "wo", "frames", "rows", "line"),
        )
    )


class SlabStruct(ctypes.Structure):
    """Mirrors SlabStruct in training.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("rows", "start", "stop")),
        *((name, ctypes.c_int32) for name in ("frames", "steps", "channels", "surrogate", "keep", "threshold", "unit")),
        *((name, ctypes.c_float) for name in ("beta", "carry")),
    )


# The functions of training.c and training_integers.c, and how many arrays each takes.
TRAINING = {"moments": 3, "fire": 4, "backward": 7, "recenter": 6, "fire_integers": 4, "backward_integers": 5}

# The functions of image_words.c between two arrays, and how many integers each takes.
IMAGE_WORDS = {"images_from_channels": 5, "images_to_channels": 5, "images_from_values": 6}


class Kernel:
    """One loaded library: its vector `width` in bytes and the output channels of one `block`."""

    def __init__(self, path: Path, width: int):
        """Load the library and declare its functions."""
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            raise EngineError(f"its C kernel {path.name} cannot be loaded ({error}); {REMEDY}") from None
        try:
            self._declare(library)
            source, sources = library.sources_digest().decode(), digest(FOLDER)
        except AttributeError as error:
            raise EngineError(f"its C kernel {path.name} is older than this snnc ({error}); {REMEDY}") from None
        if sources not in (None, source):  # a clone moved on since; an older kernel may compute something else
            raise EngineError(f"its C kernel {path.name} was built from other sources; {REMEDY}")
        self.width, self.block = width, int(library.block_channels())

    def _declare(self, library: ctypes.CDLL) -> None:
        layer, results = ctypes.POINTER(LayerStruct), ctypes.POINTER(ResultsStruct)
        pointer, integer = ctypes.c_void_p, ctypes.c_int
        library.ternary_scratch.argtypes, library.ternary_scratch.restype = [layer, integer], ctypes.c_size_t
        library.ternary_layer.argtypes = [layer, integer, pointer, pointer, pointer, results, pointer]
        library.graded_layer.argtypes = [layer, integer, integer, pointer, pointer, pointer, results]
        library.neurons.argtypes = [*[integer] * 6, pointer, pointer, integer, integer, pointer, pointer]
        images = ctypes.POINTER(ImagesStruct)
        library.images_scratch.argtypes, library.images_scratch.restype = [images, ctypes.c_int64], ctypes.c_size_t
        library.images_layer.argtypes = [
            *(images, ctypes.POINTER(FeedStruct), pointer, ctypes.POINTER(ImagesResultsStruct), pointer)
        ]
        self.images_scratch = library.images_scratch
        library.images_window.argtypes = [ctypes.POINTER(WindowStruct), pointer, pointer, pointer]
        for name, integers in IMAGE_WORDS.items():
            getattr(library, name).argtypes = [*[integer] * integers, pointer, pointer]
        for name in ("images_layer", "images_window", *IMAGE_WORDS):
            getattr(library, name).restype = None
        self.images_layer, self.images_window = library.images_layer, library.images_window
        self.image_words = {name: getattr(library, name) for name in IMAGE_WORDS}
        library.add_from_registers.argtypes, library.add_from_registers.restype = [ctypes.c_int64, pointer], ctypes.c_uint64
        library.sources_digest.restype = ctypes.c_char_p
        library.ternary_layer.restype = library.graded_layer.restype = library.neurons.restype = None
        self.ternary_scratch, self.ternary_layer = library.ternary_scratch, library.ternary_layer
        self.graded_layer, self.neurons = library.graded_layer, library.neurons
        self.training = {name: getattr(library, f"training_{name}") for name in TRAINING}
        for name, arrays in TRAINING.items():
            self.training[name].argtypes = [ctypes.POINTER(SlabStruct), *[pointer] * arrays]
        self.add_from_registers, self.processor_has = library.add_from_registers, library.processor_has


def built() -> dict[int, Path]:
    """Return the libraries that were built, by vector width."""
    paths = {width: FOLDER / f"kernel_{width}.so" for width in WIDTHS}  # as setup.py names them
    return {width: path for width, path in paths.items() if path.is_file()}


@cache
def load_kernel(width: int | None = None) -> Kernel:
    """Load the kernel of a vector width, or the widest that was built and that this processor can run.

    Raises EngineError if there is none.
    """
    paths = built()
    if 16 not in paths:
        raise EngineError(f"its C kernel was not built; {REMEDY}")
    plain = Kernel(paths[16], 16)
    able = [candidate for candidate in WIDTHS if candidate in paths and plain.processor_has(candidate)]
    if width is not None and width not in able:
        raise EngineError(f"no kernel of {width}-byte vectors runs here; allowed are {able}")
    chosen = width or able[0]
    return Kernel(paths[chosen], chosen)
