"""C99 source for microcontrollers: one header without dependencies."""
