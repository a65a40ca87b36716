"""The command `snnc`, and `python -m snnc`: from here on Ctrl-C ends in status 130, while modules are loaded too."""

import atexit
import os
import signal
import sys

STOPPED = 128 + signal.SIGINT


def run() -> None:
    """Run the command line and exit with its status."""
    try:
        from snnc.cli.process import status_of_command

        status = status_of_command()
    except KeyboardInterrupt:
        os.write(2, b"snnc: stopped\n")
        status = STOPPED
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(STOPPED))  # while the interpreter takes itself apart
    if status == STOPPED:
        # Python ends itself by the signal, without the status, where the interrupt has passed through a C library's own Python.
        atexit._run_exitfuncs()
        os._exit(STOPPED)
    sys.exit(status)


if __name__ == "__main__":
    run()
