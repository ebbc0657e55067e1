"""With a shortage goes who of the district could send some: in the action list and in the digest.

Broken on purpose once, to see it fail: with silent ones; the farthest first.
"""

import httpx

from alerts.rules import LOCAL, WHO_ACTS
from alerts.wording import tell_digest
from projections.queries.open_alerts import list_digests
from projections.reading import ReadModel
from projections.settings import ReadingSettings
from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
)
from tests.stack import Stack

NORM = {
    "kind": "norm",
    "norm_id": "N1",
    "lead_time_days": 2,
    "safety_days": 2,
    "review_days": 6,
    "window_days": 14,
}
STOCK = {FACILITY: 80, "NEAR": 300, "FAR": 900, "SILENT": 900, "ELSEWHERE": 900}
"""10 a day each: a maximum of 100. SILENT is nearest; then comes one of another district."""


async def begin(timeline: Timeline) -> None:
    for number, place in enumerate((FACILITY, "SILENT", "ELSEWHERE", "NEAR", "FAR")):
        await timeline.register(
            facility(
                place,
                name=f"PHC {place.title()}",
                district_id="kota" if place == "ELSEWHERE" else "ajmer",
                closed_weekdays=[],
                location={"lat": 26.5, "lon": 74.5 + number / 10},
            )
        )
    await timeline.register(
        {"kind": "district", "district_id": "ajmer", "name": "Ajmer", "state": "RJ"},
        item("ORS", "E"),
        item("ZINC", "E"),
        NORM,
    )
    for place, quantity in STOCK.items():
        await timeline.post(counted(ORS=quantity, ZINC=50) | {"facility_id": place})
    for day in range(11):
        await timeline.until(day, "10:00")
        for place in STOCK:
            if place != "SILENT" or day < 8:
                quantity = 0 if place == FACILITY and day >= 8 else 10
                await timeline.post(dispensed("ORS", quantity) | {"facility_id": place})
    await timeline.post(dispensed("ZINC", 50))
    await timeline.until(11, "06:00")
    await timeline.evaluate()


async def test_the_nearest_of_the_district(
    stack: Stack, timeline: Timeline, client: httpx.AsyncClient
) -> None:
    await begin(timeline)
    answer = await client.get("/v1/districts/ajmer/actions")
    surplus = {
        action["item_id"]: action["nearest_surplus"]
        for action in answer.json()["actions"]
        if action["rule"] == "out_of_stock"
    }
    near = {
        "facility_id": "NEAR",
        "name": "PHC Near",
        "district_id": "ajmer",
        "distance_km": 29.9,
        "can_give": 90,
    }
    assert surplus == {"ORS": near, "ZINC": None}
    others = [
        action["nearest_surplus"]
        for action in answer.json()["actions"]
        if action["rule"] not in LOCAL
    ]
    assert others
    assert not any(others)

    model = ReadModel(ReadingSettings(database_url=stack.database_url))
    await model.start()
    at = timeline.at(11, "08:00")
    digests = await list_digests(model, "ajmer", at=at, local=LOCAL, who_acts=WHO_ACTS, most=100)
    await model.stop()
    lines = [
        line
        for digest in digests
        for line in tell_digest(digest, at, "http://dawalog")["annotations"]["lines"].splitlines()
    ]
    [ors] = [line for line in lines if "out of stock: ORS" in line]
    assert ors.endswith("PHC Near, 29.9 km away, can give 90.")
    [zinc] = [line for line in lines if "out of stock: ZINC" in line]
    assert "can give" not in zinc
