"""A slip in a filter or an address, which an empty answer would hide."""

import httpx

from tests.integration.rollups.figures import Figures


async def test_what_nobody_knows_is_no_empty_answer(
    client: httpx.AsyncClient, figures: Figures
) -> None:
    await figures.add_place("PHC-1")
    await figures.add_item("A")
    for path in (
        *(f"/v1/{path}?{{}}" for path in ("alerts", "shortages", "stockouts", "transfers")),
        "/v1/discrepancies?{}",
        "/v1/summary?by=item&{}",
        "/v1/items/A/stock?{}",
    ):
        for named in ("district=NONE", "facility_id=NONE"):
            answer = await client.get(path.format(named))
            assert answer.status_code == 404, (path, named)
            assert "NONE" in answer.json()["detail"], path
    for path in (
        "facilities/PHC-1/items/NONE/card",
        "facilities/PHC-1/items/NONE/rescue",
        "facilities/PHC-1/stock?item_id=NONE",
        "facilities/PHC-1/events?item_id=NONE",
        "items/NONE/stock",
        "alerts?item_id=NONE",
        "reporting?district=NONE",
        "overview?district=NONE",
        "facilities?parent=NONE",
    ):
        answer = await client.get(f"/v1/{path}")
        assert (answer.status_code, "NONE" in answer.json()["detail"]) == (404, True), path
    for path in ("alerts?district=D1", "shortages?facility_id=PHC-1", "facilities?district=D1"):
        answer = await client.get(f"/v1/{path}")
        assert answer.status_code == 200, answer.text
