"""The command `snnc`, and `python -m snnc`: from here on Ctrl-C ends in status 130, while modules are loaded too."""

import os
import signal
import sys


def run() -> None:
    """Run the command line and exit with its status."""
    try:
        from snnc.cli.process import status_of_command

        status = status_of_command()
    except KeyboardInterrupt:
        os.write(2, b"snnc: stopped\n")
        status = 130
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))  # while the interpreter takes itself apart
    sys.exit(status)


if __name__ == "__main__":
    run()
