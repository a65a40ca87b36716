"""Ctrl-C and termination: both end a command through its clean-up, and neither is lost in the middle of a write."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM); whatever cleans up after Ctrl-C cleans up after this."""


def catch_termination() -> None:
    """Raise Terminated in the main thread when the process is asked to end; a process that ignores that goes on ignoring it."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def status_after(error: KeyboardInterrupt) -> int:
    """Return the exit status that shells know for how a command was stopped."""
    return 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Hold Ctrl-C and termination back while open, and raise at the end if there was one; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = [number for number, handler in before.items() if callable(handler)]
    for number in held:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number in held:
            signal.signal(number, before[number])
    if received:
        raise Terminated if received[0] == signal.SIGTERM else KeyboardInterrupt


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
