"""Datasets: raw integers, labels, and the input that the chip gets of them."""
