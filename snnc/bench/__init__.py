"""Benchmarks: the simulator and training side by side with other ways."""
