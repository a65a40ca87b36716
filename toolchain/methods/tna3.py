"""Twin Network Augmentation with three networks, matched in pairs; arXiv 2409.15849 found no further gain."""

from snnc.toolchain.methods import tna
from snnc.toolchain.methods.method import Method

METHOD = Method(twins=2, loss=tna.loss)
