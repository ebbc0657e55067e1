"""A day of the state's pharmacies, one event at a time, as time goes by.

Patients come at random, more where there are more; the rest happens in between. Nothing here looks
at a clock: who plays the day says what time it is.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Final

from infra.demo import counter, supply
from infra.demo.facts import Event, Pharmacy
from infra.demo.medicines import Habit, habits_among
from infra.demo.opening import stocked_medicines
from infra.demo.shelves import Shelves
from infra.demo.state import State
from infra.demo.stories import choose_cast

OPD_SECONDS: Final = 6 * 3600
RUSH: Final = 2.5
"""The demo plays the rush of the morning: so many times the day's mean."""
BEHIND_THE_COUNTER_SECONDS: Final = 8.0
"""Mean time between two events in all the state that aren't prescriptions."""
UNDER_WAY_MINUTES: Final = (2, 10)
OFFLINE_FOR: Final = timedelta(days=2)
OFFLINE_PRESCRIPTIONS: Final = 20
SYNCS_AFTER: Final = timedelta(seconds=40)
RELIEF_AFTER: Final = timedelta(seconds=20)

Happening = Callable[[Pharmacy, datetime, Random], Event | None]


@dataclass(frozen=True, order=True)
class _Due:
    at: datetime
    number: int
    happens: Callable[[datetime, Random], Event] = field(compare=False)


class Day:
    def __init__(self, pharmacies: Sequence[Pharmacy], rng: Random) -> None:
        self._rng = rng
        self.pharmacies = pharmacies
        self._by_id = {pharmacy.facility_id: pharmacy for pharmacy in pharmacies}
        self._counters = [each for each in pharmacies if each.facility.patients_a_day]
        self._patients = [each.facility.patients_a_day for each in self._counters]
        self._supplied = [each for each in pharmacies if each.facility.supplier_id]
        self._warehouses = [each for each in pharmacies if each.facility.level == "WAREHOUSE"]
        self.cast = choose_cast(pharmacies)
        self._due: list[_Due] = []
        self._numbers = count()
        self._behind: dict[Happening, int] = {
            self._dispatch: 30,
            self._receive: 10,
            supply.issue: 15,
            supply.count: 12,
            supply.write_off: 10,
            counter.take_back: 15,
            counter.reverse: 8,
        }
        self.prescriptions_per_second = RUSH * sum(self._patients) / OPD_SECONDS
        self._events_per_second = self.prescriptions_per_second + 1 / BEHIND_THE_COUNTER_SECONDS

    def seconds_to_next(self) -> float:
        """Drawn anew each time it is asked."""
        return self._rng.expovariate(self._events_per_second)

    def next_event(self, now: datetime) -> Event:
        """What happens now: something that was due, else whatever chance brings."""
        if self._due and self._due[0].at <= now:
            return heapq.heappop(self._due).happens(now, self._rng)
        happens: Happening = counter.dispense
        if self._rng.random() * self._events_per_second > self.prescriptions_per_second:
            (happens,) = self._rng.choices(list(self._behind), weights=list(self._behind.values()))
        pharmacy = self._any_counter()
        return happens(pharmacy, now, self._rng) or counter.dispense(pharmacy, now, self._rng)

    def plan_stories(self, now: datetime) -> None:
        """What everybody should see in the first minutes: a centre that was offline sends what it
        did two days ago, and where something is out a transfer arrives.
        """
        offline = self._by_id[self.cast.offline.facility_id]
        for number in range(OFFLINE_PRESCRIPTIONS):
            ago = OFFLINE_FOR - timedelta(minutes=3 * number)
            self._plan(now + SYNCS_AFTER, partial(_dispense_before, ago, offline))
        if self.cast.relief:
            relieved = self._by_id[self.cast.relief.to.facility_id]
            self._plan(now + RELIEF_AFTER, partial(self._relieve, relieved))

    def _relieve(self, pharmacy: Pharmacy, now: datetime, rng: Random) -> Event:
        supplier = self._by_id[pharmacy.facility.supplier_id or ""]
        sent = supply.dispatch(supplier, pharmacy, now, rng)
        if sent is None:
            return counter.dispense(pharmacy, now, rng)
        event, taken = sent
        self._plan(now + RELIEF_AFTER, partial(supply.receive_transfer, event, taken, pharmacy))
        return event

    def _plan(self, at: datetime, happens: Callable[[datetime, Random], Event]) -> None:
        heapq.heappush(self._due, _Due(at, next(self._numbers), happens))

    def _dispatch(self, _: Pharmacy, now: datetime, rng: Random) -> Event | None:
        """Now it leaves the supplier; minutes later it arrives."""
        pharmacy = rng.choice(self._supplied)
        supplier = self._by_id[pharmacy.facility.supplier_id or ""]
        sent = supply.dispatch(supplier, pharmacy, now, rng)
        if sent is None:
            return None
        event, taken = sent
        arrives = now + timedelta(minutes=rng.uniform(*UNDER_WAY_MINUTES))
        arrival = partial(supply.receive_transfer, event, taken, pharmacy)
        self._plan(arrives, arrival)
        return event

    def _receive(self, _: Pharmacy, now: datetime, rng: Random) -> Event | None:
        return supply.receive(rng.choice(self._warehouses), now, rng)

    def _any_counter(self) -> Pharmacy:
        return self._rng.choices(self._counters, weights=self._patients)[0]


def _dispense_before(ago: timedelta, pharmacy: Pharmacy, now: datetime, rng: Random) -> Event:
    return counter.dispense(pharmacy, now - ago, rng)


def open_pharmacies(
    state: State, habits: Sequence[Habit], shelves: Mapping[str, Shelves]
) -> list[Pharmacy]:
    """All facilities of the state, with what lies on their shelves."""
    return [
        Pharmacy(
            facility,
            shelves[facility.facility_id],
            habits_among(
                habits,
                frozenset(each.item_id for each in stocked_medicines(facility, state, habits)),
            ),
        )
        for facility in state.open_facilities
    ]
