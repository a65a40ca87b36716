"""The C kernels of the fast simulator: a shared library per vector width, built where there is a compiler."""
