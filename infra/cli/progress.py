"""How far a long command is: a bar at a terminal, a line now and then elsewhere. On stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 10.0
"""Between two lines where no terminal is."""

Show = Callable[[str, int, int], None]
"""Takes what is being done, how much of it is done, and how much there is. Call it often."""


@contextmanager
def shown_stages() -> Iterator[Show]:
    """For work of several stages, one after the other."""
    if sys.stderr.isatty():
        with _shown_bars() as show:
            yield show
    else:
        yield _Lines()


@contextmanager
def shown_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """For work of one stage."""
    with shown_stages() as show:
        yield lambda done, total: show(what, done, total)


@contextmanager
def _shown_bars() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), Left())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total)

        yield show


class _Lines:
    """A line at the start of each stage, and every few seconds."""

    def __init__(self) -> None:
        self._what = ""
        self._began = self._said = 0.0
        self._first = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self._what:
            self._what, self._began, self._first = what, now, done
        elif now - self._said < LINE_SECONDS:
            return
        self._said = now
        rate = (done - self._first) / (now - self._began) if now > self._began else 0
        left = f", about {(total - done) / rate:,.0f} s left" if rate else ""
        print(f"{what}: {100 * done // max(total, 1)} %{left}", file=sys.stderr, flush=True)
