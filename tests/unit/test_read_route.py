"""Reads whose questions are as they should be go past FastAPI's general way, and answer alike."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from fastapi.responses import JSONResponse

from api.read_route import ReadRoute

asked: list[str] = []


async def note(request: Request) -> None:
    asked.append(request.url.path)


router = APIRouter(route_class=ReadRoute, dependencies=[Depends(note)])


@router.get("/{place}")
async def read(
    place: Annotated[str, Path(max_length=3)],
    most: Annotated[int, Query(alias="limit", ge=1)],
    kinds: Annotated[list[str] | None, Query(alias="kind")] = None,
) -> JSONResponse:
    return JSONResponse([place, most, kinds])


def client() -> httpx.AsyncClient:
    app = FastAPI()
    app.router.routes.extend(router.routes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://dawalog")


async def test_a_good_question_goes_straight_to_its_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(**_: Any) -> None:
        raise AssertionError("the general way was taken")

    monkeypatch.setattr("fastapi.routing.solve_dependencies", refuse)
    asked.clear()
    answer = await client().get("/PHC", params={"limit": 7})
    assert answer.json() == ["PHC", 7, None]
    assert asked == ["/PHC"]
    with pytest.raises(AssertionError, match="the general way"):
        await client().get("/PHC", params={"limit": 0})


@pytest.mark.parametrize(
    ("path", "answered"),
    [
        ("/PHC?limit=7&kind=a", ["PHC", 7, ["a"]]),
        ("/PHC?limit=7&kind=a&kind=b", ["PHC", 7, ["a", "b"]]),
        ("/PHC?limit=7&limit=8", ["PHC", 8, None]),
        ("/PHC?limit=7&other=1", ["PHC", 7, None]),
    ],
)
async def test_what_is_said_twice_is_answered_as_ever(path: str, answered: list[Any]) -> None:
    assert (await client().get(path)).json() == answered


@pytest.mark.parametrize("path", ["/PHC", "/PHC?limit=0", "/PHC?limit=many", "/PHC-1?limit=7"])
async def test_what_is_amiss_is_told_in_the_usual_words(path: str) -> None:
    answer = await client().get(path)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["detail"][0]["loc"][0] in ("path", "query")
