"""Lava's CPU simulator as an engine, in a process of its own."""
