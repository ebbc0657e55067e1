"""An alert is seen, and something said of it, by who reads its facility or its district."""

import httpx
import pytest

from stream.alerts import Subject, alert_id_of
from tests.alert_facts import WHEN
from tests.integration.access.callers import Callers
from tests.log_reading import Database

SUBJECTS = {
    "F1": Subject(facility_id="F1", item_id="PCM"),
    "F1-C1": Subject(facility_id="F1-C1", item_id="PCM"),
    "F2": Subject(facility_id="F2", item_id="PCM"),
    "D1": Subject(district_id="D1", item_id="PCM"),
    "D2": Subject(district_id="D2", item_id="PCM"),
}
SEEN = {
    "pharmacist": {"F1", "F1-C1"},
    "cmho": {"F1", "F1-C1", "D1"},
    "nhm": SUBJECTS.keys(),
    "integration": SUBJECTS.keys(),
    "integration of F1": {"F1", "F1-C1"},
    "integration of D1": {"F1", "F1-C1", "D1"},
}

PUT = """
WITH facility AS (
    INSERT INTO facility_number (facility_id) SELECT $3::text WHERE $3 IS NOT NULL
    RETURNING facility_no
)
INSERT INTO alert (place, alert_id, rule, facility_no, district_id, item_no, lot, ordinal, revision,
                   severity, began_at, opened_at, evidence)
SELECT $1::text, $2::uuid, 'out_of_stock', coalesce((SELECT facility_no FROM facility), 0),
       coalesce($4::text, ''), 1, '', 1, 1, 'critical', $5::timestamptz, $5, '{}'
"""


@pytest.mark.timeout(120)
async def test_whose_alerts_are_whose(callers: Callers, database: Database) -> None:
    ids = {name: alert_id_of("out_of_stock", each, 1) for name, each in SUBJECTS.items()}
    await database.execute("INSERT INTO item_number (item_id) VALUES ('PCM')")
    for name, each in SUBJECTS.items():
        await database.execute(PUT, each.place, ids[name], each.facility_id, each.district_id, WHEN)
    for caller, seen in SEEN.items():
        for name, alert_id in ids.items():
            path = f"/v1/alerts/{alert_id}"
            token = callers.tokens[caller]
            read = await callers.ask(token, "GET", path)
            said = await callers.ask(token, "POST", f"{path}/note", json={"note": "called"})
            expected = (httpx.codes.OK, httpx.codes.ACCEPTED) if name in seen else (404, 404)
            assert (read.status_code, said.status_code) == expected, (caller, name, read.text)
