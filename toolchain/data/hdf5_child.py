"""Reads arrays out of an HDF5 file of a user's, as a process of its own: libhdf5 may crash or loop for ever on a damaged one.

`python hdf5_child.py FILE FOLDER MOST_BYTES SECONDS NAME...` writes FOLDER/NAME.npy of each array that there is, and exits with
1 after one line that says why the file is refused. It ends itself after so many seconds of a processor, however busy the
machine is. Imports nothing of snnc: it must start quickly.
"""

import sys
from pathlib import Path
from typing import Any

SECONDS = 60  # of one processor that the process may take, and more for large files
BYTES_PER_SECOND = 2**22


def array_of(entry: Any) -> Any:
    """Return the numbers, or the texts, of an array. Raises ValueError for what leads out of the file or is no array."""
    import h5py
    import numpy as np

    if not isinstance(entry, h5py.Dataset) or entry.is_virtual or entry.external:
        raise ValueError(f"{entry.name} is no array of this file's own")
    if h5py.check_string_dtype(entry.dtype):
        return np.array([str(text) for text in entry.asstr()[...].ravel()]).astype(np.str_)
    if entry.dtype.kind not in "iufb":
        raise ValueError(f"{entry.name} holds no numbers, but {entry.dtype}")
    return entry[...]


def limit(seconds: int) -> None:
    """Give this process so many seconds of a processor, for good."""
    try:
        import resource
    except ImportError:  # Windows: who started this process still ends it in time
        return
    _, outside = resource.getrlimit(resource.RLIMIT_CPU)  # nobody may raise a limit from outside, such as ulimit -t
    hard = seconds + 1 if outside == resource.RLIM_INFINITY else min(seconds + 1, outside)
    resource.setrlimit(resource.RLIMIT_CPU, (min(seconds, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(file: str, folder: str, most: int, names: list[str]) -> None:
    """Write the arrays. Raises ValueError for more than `most` bytes, OSError for a damaged file."""
    import h5py
    import numpy as np

    with h5py.File(file, "r") as stored:
        kept = [name for name in names if isinstance(stored.get(name, getlink=True), h5py.HardLink)]
        size = sum(int(stored[name].nbytes) for name in kept if isinstance(stored[name], h5py.Dataset))
        if size > most:
            raise ValueError(f"its arrays take {size:,} bytes, at most {most:,} are read; store the samples as .npy")
        for name in kept:
            np.save(Path(folder, name), array_of(stored[name]), allow_pickle=False)


if __name__ == "__main__":
    try:
        limit(int(sys.argv[4]))
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[5:])
    except Exception as error:  # noqa: BLE001 - whatever h5py finds in a damaged file
        print(" ".join(str(error).split())[:300] or type(error).__name__)
        sys.exit(1)
