"""How often one subject may ask."""

from collections.abc import Iterator

import pytest
import time_machine
from pydantic import ValidationError

from api.problems import answer_error
from api.rate_limit import RateLimit
from api.settings import AccessSettings
from stream.errors import TooOften

NOON = "2026-11-22T12:00:00Z"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def test_each_subject_has_its_own_count(clock: time_machine.Traveller) -> None:
    limit = RateLimit("2/minute")
    for subject in ("asha", "birju", "asha", "birju"):
        limit.count(subject)
    with pytest.raises(TooOften) as refused:
        limit.count("asha")
    assert 0 < refused.value.retry_after_seconds <= 60
    clock.shift(refused.value.retry_after_seconds + 1)
    limit.count("asha")


def test_it_is_answered_as_429() -> None:
    answer = answer_error(TooOften("Too much.", 7))
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    assert b'"type":"too-many-requests"' in answer.body


def test_it_can_be_switched_off() -> None:
    limit = RateLimit("off")
    for _ in range(1000):
        limit.count("asha")


@pytest.mark.parametrize("limit", ["", "many", "0/minute/x", "-1/minute", "5"])
def test_a_wrong_limit_is_refused(limit: str) -> None:
    with pytest.raises(ValidationError):
        AccessSettings(rate_limit=limit)
