"""Ctrl-C in the middle of something that would swallow it comes afterwards."""

import os
import signal
import threading

import pytest

from snnc.toolchain.interrupts import interrupts_deferred


def test_an_interrupt_comes_at_the_end_and_is_not_lost() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_deferred():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("the rest")
    assert done == ["the rest"]
    with interrupts_deferred():
        pass
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_other_threads_are_left_alone() -> None:
    def work() -> None:
        with interrupts_deferred():
            done.append(1)

    done: list[int] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]
