"""HDF5 files of anybody, read in a process of its own with limits of time and memory."""
