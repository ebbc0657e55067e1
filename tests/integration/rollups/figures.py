"""Figures of a read model, as the projector would write them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from projections.figures.states import STATUSES
from tests.integration.reading.rows import DAY, LONG_AGO, Rows

NORM: Final = {
    "kind": "norm",
    "norm_id": "ALL",
    "lead_time_days": 5,
    "safety_days": 5,
    "review_days": 10,
    "window_days": 20,
}

COUNTS: Final = ", ".join(
    f"count(*) FILTER (WHERE tallied_as = '{status}') AS items_{status}" for status in STATUSES
)
TALLY_FACILITIES: Final = f"""
UPDATE facility_state AS place
SET {", ".join(f"items_{status} = told.items_{status}" for status in STATUSES)},
    expiring_paise = told.expiring_paise
FROM (SELECT facility_no, {COUNTS}, sum(expiring_paise) AS expiring_paise FROM item_state
      GROUP BY facility_no) AS told
WHERE place.facility_no = told.facility_no
"""
TALLY_PLACES: Final = f"""
INSERT INTO item_tally
SELECT scope, place, item_no, partition, {COUNTS}, sum(state.expiring_paise)
FROM item_state AS state JOIN facility_state AS facility USING (facility_no)
CROSS JOIN LATERAL (VALUES ('district', district_id), ('level', level)) AS place (scope, place)
GROUP BY scope, place, item_no, partition
"""
PATIENTS: Final = """
WITH patients AS (INSERT INTO patient_day VALUES ($1, $2, $3, $4, $5) RETURNING *)
UPDATE facility_state AS place
SET patients_served = served, patients_served_in_part = served_in_part,
    patients_sent_away = sent_away
FROM patients WHERE place.facility_no = patients.facility_no AND evaluated_on = day
"""


@dataclass
class Figures(Rows):
    async def add_place(
        self,
        facility_id: str,
        *,
        district_id: str = "D1",
        level: str = "PHC",
        silent: bool = False,
        partition: int = 0,
        evaluated_days_ago: int = 0,
        heard_ago: timedelta | None = timedelta(),
        **registered: Any,
    ) -> None:
        """A registered facility that has been heard of and counted; None: one that never was,
        of which the projector knows the record alone.
        """
        await self.add_facility(facility_id, district_id=district_id, level=level, **registered)
        number = await self.facility_no(facility_id)
        await self.connection.execute(
            "INSERT INTO facility_state VALUES ($1, $2, $3, false, $4, $5, 'RJ', $6, $7)",
            number,
            partition,
            self.today - evaluated_days_ago * DAY,
            level,
            district_id,
            None if heard_ago is None else LONG_AGO,
            silent or heard_ago is None,
        )
        if heard_ago is None:
            return
        await self.connection.execute(
            "INSERT INTO facility_activity VALUES ($1, $2)", number, self.now - heard_ago
        )

    async def add_state(
        self,
        facility_id: str,
        item_id: str,
        status: str,
        *,
        usable: int = 0,
        essential: bool = True,
        silent: bool = False,
        out_since: datetime | None = None,
        consumed: int = 0,
        available: timedelta = timedelta(),
        kept: tuple[int, int] | None = None,
        expiring_paise: int = 0,
    ) -> None:
        """`kept`: the minimum and the maximum. An item that isn't essential is in no tally."""
        await self.connection.execute(
            "INSERT INTO item_state VALUES ($1, $2, $3, $3, 0, $4, $5, $6, $7, NULL, $8, NULL,"
            " NULL, 90, $9, $10, $11, $12)",
            await self.facility_no(facility_id),
            await self.item_no(item_id),
            usable,
            status,
            out_since,
            essential,
            ("unknown" if silent else status) if essential else None,
            expiring_paise,
            consumed,
            int(available.total_seconds()),
            *(kept or (None, None)),
        )

    async def add_patients(self, facility_id: str, *counts: int, days_ago: int = 0) -> None:
        """Served, served in part, sent away."""
        await self.connection.execute(
            PATIENTS,
            await self.facility_no(facility_id),
            self.today - days_ago * DAY,
            *counts,
        )

    async def tally(self) -> None:
        """Write the roll-ups of what has been added."""
        await self.connection.execute(TALLY_FACILITIES)
        await self.connection.execute(TALLY_PLACES)
