"""GET /metrics/stock: the stock of some facilities as metrics, for a scrape job of one's own."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from api.answers import fresh_headers
from api.openapi import PROBLEMS
from api.problems import bad_parameters
from api.services import services_of
from projections.queries.stock_series import PairStock, list_stock_series
from stream.declared import STOCK, Metric, computed
from stream.errors import Fault, Rejected
from stream.fields import Id

router = APIRouter(tags=["operation"])

MOST_PAIRS: Final = 5_000
"""Items at facilities that one scrape may have, up to five series each."""

LABELS: Final = ("district", "level", "facility_id", "item_id")

ON_HAND: Final = computed(
    "dawalog_stock_on_hand", "On hand, all lots", unit="base units", by=STOCK, labels=LABELS
)
USABLE: Final = computed(
    "dawalog_stock_usable",
    "Usable: neither expired nor held nor recalled",
    unit="base units",
    by=STOCK,
    labels=LABELS,
)
MINIMUM: Final = computed(
    "dawalog_stock_min_quantity",
    "What should be there at least; absent where no norm rates the item",
    unit="base units",
    by=STOCK,
    labels=LABELS,
)
OUT_SINCE: Final = computed(
    "dawalog_stock_out_since_timestamp_seconds",
    "Since when nothing is usable; absent while something is",
    unit="seconds since 1970",
    by=STOCK,
    labels=LABELS,
)
STATUS: Final = computed(
    "dawalog_stock_status",
    "1 for the status that it has now (out, low, ok, over, unrated; unknown: the facility is "
    "silent)",
    unit="1",
    by=STOCK,
    labels=(*LABELS, "status"),
)

# Ids need no escaping: they are letters, digits and ._:- alone.
_VALUES: Final[tuple[tuple[Metric, Callable[[PairStock], float | None]], ...]] = (
    (ON_HAND, lambda pair: pair.on_hand),
    (USABLE, lambda pair: pair.usable),
    (MINIMUM, lambda pair: pair.min_quantity),
    (OUT_SINCE, lambda pair: pair.out_since),
)


@router.get(
    "/metrics/stock",
    response_class=PlainTextResponse,
    responses={
        404: PROBLEMS[422] | {"description": "No such facility, district or item."},
        422: PROBLEMS[422] | {"description": "Too many series, or no filter."},
        503: PROBLEMS[503],
    },
)
async def read_stock_metrics(
    request: Request,
    *,
    facility_id: Annotated[Id | None, Query()] = None,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    item_id: Annotated[Id | None, Query()] = None,
) -> Response:
    """Prometheus text format, of all that the filters leave: at least one of them is needed.

    At most 5,000 items at facilities: a facility, an item in a district, a small district.
    """
    if facility_id is None and district is None and item_id is None:
        fault = Fault("/facility_id", "one of facility_id, district and item_id must be given")
        raise bad_parameters([fault])
    reading = services_of(request).reading
    found = await list_stock_series(
        reading.model,
        facility_id=facility_id,
        district_id=district,
        item_id=item_id,
        limit=MOST_PAIRS + 1,
    )
    if found.unknown is not None:
        raise Rejected("not-found", f"No such {found.unknown} is known.")
    if len(found.pairs) > MOST_PAIRS:
        raise _cannot(
            f"These would be more than {MOST_PAIRS} items at facilities in one scrape. Ask for "
            "less of them in each of several jobs: by facility_id=, or by district= and item_id=.",
            "/item_id" if item_id is None else "/district",
        )
    return Response(
        "".join(_write(found.pairs)),
        headers={
            "Content-Type": CONTENT_TYPE_LATEST,
            **fresh_headers(request, reading, found.snapshot, whole_state=True),
        },
    )


def _cannot(sentence: str, pointer: str) -> Rejected:
    return Rejected("too-many-series", sentence, [Fault(pointer, "narrows it")])


def _write(pairs: Iterable[PairStock]) -> Iterator[str]:
    named = [(_labels(pair), pair) for pair in pairs]
    for metric, value_of in _VALUES:
        yield from _head(metric)
        for labels, pair in named:
            if (value := value_of(pair)) is not None:
                yield f"{metric.name}{{{labels}}} {value}\n"
    yield from _head(STATUS)
    for labels, pair in named:
        yield f'{STATUS.name}{{{labels},status="{pair.status}"}} 1\n'


def _labels(pair: PairStock) -> str:
    values = (pair.district, pair.level, pair.facility_id, pair.item_id)
    return ",".join(f'{name}="{value}"' for name, value in zip(LABELS, values, strict=True))


def _head(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.meaning}\n# TYPE {metric.name} {metric.kind}\n"
