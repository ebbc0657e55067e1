"""Work that ends though whoever awaits it is cancelled again and again."""

import asyncio

import pytest

from stream import tasks
from stream.tasks import end_task, run_whole

TURNS = 20


async def test_whole_work_ends_before_the_cancellation_is_raised() -> None:
    done: list[int] = []

    async def work() -> None:
        for turn in range(TURNS):
            await asyncio.sleep(0)
            done.append(turn)

    waiting = asyncio.create_task(run_whole(work()))
    await asyncio.sleep(0)  # it begins
    while not waiting.done():
        waiting.cancel()
        await asyncio.sleep(0)
    assert waiting.cancelled()
    assert len(done) == TURNS


async def test_whole_work_answers_and_raises_as_if_awaited() -> None:
    async def answer() -> int:
        return 7

    async def fail() -> None:
        raise ValueError("as it is")

    assert await run_whole(answer()) == 7
    with pytest.raises(ValueError, match="as it is"):
        await run_whole(fail())


async def test_what_never_ends_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "GRACE_SECONDS", 0.01)
    waiting = asyncio.create_task(run_whole(asyncio.Event().wait()))
    await asyncio.sleep(0)
    await end_task(waiting)
    assert waiting.cancelled()
