"""Loihi 2 and Lava: the `.net` files of lava.lib.dl.netx."""
