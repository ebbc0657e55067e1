"""Lists of what is registered, each as now in force: facilities, items, recalls, norms, …"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal

from projections.queries.filters import conditions, is_asked
from projections.reading import REFERENCE_ALONE, ReadModel, Snapshot

Kind = Literal[
    "facility",
    "item",
    "district",
    "recall",
    "norm",
    "closure",
    "directive",
    "chain",
    "threshold",
]
"""Each has a table of its records, `{kind}_record`, and its id is `{kind}_id`."""

# Ascending along the key, so that a page stops early however many are registered.
LIST: Final = f"""
WITH page AS (
    SELECT {{kind}}_id, body, valid_from FROM (
        SELECT DISTINCT ON ({{kind}}_id) * FROM {{kind}}_record
        WHERE valid_from <= coalesce($3, now()) AND recorded_at <= coalesce($3, 'infinity')
          AND {{kind}}_id > $1
        ORDER BY {{kind}}_id, valid_from DESC, log_offset DESC
    ) AS record
    WHERE {{condition}}
    ORDER BY {{kind}}_id LIMIT $2
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY {{kind}}_id) FROM page) AS records
"""

HAS_WORDS: Final = """NOT EXISTS (
    SELECT FROM unnest($4::text[]) AS word
    WHERE strpos(lower(concat_ws(' ', item_id, name, (
        SELECT string_agg(value, ' ') FROM jsonb_each_text(body -> 'names')
    ))), lower(word)) = 0
)"""


@dataclass(frozen=True, slots=True)
class Registered:
    """Records as they stand in the log, each with the instant from which it is in force."""

    snapshot: Snapshot
    records: list[dict[str, Any]]


async def list_registered(
    model: ReadModel,
    kind: Kind,
    *,
    after: str = "",
    limit: int,
    known_at: datetime | None = None,
    **wanted: str | None,
) -> Registered:
    """By id, as in force at `known_at`, or now.

    Args:
        wanted: what columns of the kind's table must be, if not None.
    """
    statement = _statement(kind, tuple(wanted), is_asked(wanted.values()))
    return _registered(await model.fetch(statement, after, limit, known_at, *wanted.values()))


async def list_items(
    model: ReadModel,
    *,
    after: str = "",
    words: Sequence[str] = (),
    limit: int,
    known_at: datetime | None = None,
) -> Registered:
    """Items whose id or name, in any language, holds each of `words`, in any case."""
    statement = LIST.format(kind="item", condition=HAS_WORDS)
    return _registered(await model.fetch(statement, after, limit, known_at, list(words)))


@cache
def _statement(kind: Kind, columns: tuple[str, ...], asked: tuple[bool, ...]) -> str:
    condition = conditions(columns, asked, first=4) or "true"
    return LIST.format(kind=kind, condition=condition)


def _registered(snapshot: Snapshot) -> Registered:
    return Registered(
        snapshot,
        [body | {"valid_from": valid_from} for body, valid_from in snapshot.loads("records")],
    )
