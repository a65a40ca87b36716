"""Twin Network Augmentation with three networks, matched in pairs; arXiv 2409.15849 found no further gain."""

from snnc.toolchain.training.methods import tna
from snnc.toolchain.training.methods.method import Method

METHOD = Method(twins=2, loss=tna.loss)
