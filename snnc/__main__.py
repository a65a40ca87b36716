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
    # Ctrl-C from here on must not end the process by the signal, without a status: that is what Python does where an interrupt
    # has passed through a C library's own Python, or comes while the interpreter takes itself apart.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
