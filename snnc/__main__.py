"""Lets `python -m snnc` do what the command `snnc` does."""

from snnc.cli.main import main

if __name__ == "__main__":
    main()
