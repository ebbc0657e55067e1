"""How often one subject may ask."""

import pytest
from pydantic import ValidationError

from api.problems import answer_error
from api.rate_limit import LEAST_SWEPT, RateLimit
from api.settings import AccessSettings
from stream.errors import TooOften


class Clock:
    """`api.rate_limit.monotonic`, set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("api.rate_limit.monotonic", clock)
    return clock


def test_each_subject_has_its_own_count(clock: Clock) -> None:
    limit = RateLimit("2/minute")
    for subject in ("asha", "birju", "asha", "birju"):
        limit.count(subject)
    clock.now += 59.5
    with pytest.raises(TooOften) as refused:
        limit.count("asha")
    assert refused.value.retry_after_seconds == 1
    clock.now += refused.value.retry_after_seconds
    limit.count("asha")
    limit.count("asha")
    with pytest.raises(TooOften):
        limit.count("asha")


def test_whose_window_has_ended_is_forgotten(clock: Clock) -> None:
    limit = RateLimit("1/second")
    for number in range(10_000):
        clock.now += 0.01
        limit.count(f"subject {number}")
    assert len(limit._windows) <= LEAST_SWEPT
    with pytest.raises(TooOften):
        limit.count("subject 9999")


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
