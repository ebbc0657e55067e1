"""Stopping in order when the operator or the system asks."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signal() -> None:
    """Let the process just end, with 0, when it is asked to stop before it has started anything.

    Importing what it is made of takes a second, and more on a busy machine.
    """
    for number in STOPPING:
        signal.signal(number, lambda *_: os._exit(0))


@contextmanager
def stopped_by_signal() -> Iterator[None]:
    """Leave the block, its own clean-up included, when the process is asked to stop.

    Later signals don't disturb the clean-up. Inside a coroutine only.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    asked = False

    def stop() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for number in STOPPING:
        loop.add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not asked:
            raise
        task.uncancel()
    finally:
        for number in STOPPING:
            loop.remove_signal_handler(number)
