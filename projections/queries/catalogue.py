"""Lists of what is registered, each as now in force: facilities, items, recalls, norms, …"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from projections.reading import REFERENCE_ALONE, ReadModel, Snapshot

# Ascending along the key, so that a page stops early however many are registered.
FACILITIES: Final = f"""
WITH page AS (
    SELECT facility_id, body, valid_from FROM (
        SELECT DISTINCT ON (facility_id) * FROM facility_record
        WHERE valid_from <= now() AND facility_id > $1
        ORDER BY facility_id, valid_from DESC, log_offset DESC
    ) AS facility
    WHERE district_id = coalesce($2::text, district_id)
      AND level = coalesce($3::text, level)
      AND ($4::text IS NULL OR parent_facility_id = $4)
    ORDER BY facility_id LIMIT $5
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY facility_id) FROM page) AS records
"""

ITEMS: Final = f"""
WITH page AS (
    SELECT item_id, body, valid_from FROM (
        SELECT DISTINCT ON (item_id) * FROM item_record
        WHERE valid_from <= now() AND item_id > $1
        ORDER BY item_id, valid_from DESC, log_offset DESC
    ) AS item
    WHERE NOT EXISTS (
        SELECT FROM unnest($2::text[]) AS word
        WHERE strpos(lower(concat_ws(' ', item_id, name, (
            SELECT string_agg(value, ' ') FROM jsonb_each_text(body -> 'names')
        ))), lower(word)) = 0
    )
    ORDER BY item_id LIMIT $3
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY item_id) FROM page) AS records
"""

DISTRICTS: Final = f"""
WITH page AS (
    SELECT district_id, body, valid_from FROM (
        SELECT DISTINCT ON (district_id) * FROM district_record
        WHERE valid_from <= now() AND district_id > $1
        ORDER BY district_id, valid_from DESC, log_offset DESC
    ) AS district
    WHERE state = coalesce($2::text, state)
    ORDER BY district_id LIMIT $3
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY district_id)
     FROM page) AS records
"""


RECALLS: Final = f"""
WITH page AS (
    SELECT recall_id, body, valid_from FROM (
        SELECT DISTINCT ON (recall_id) * FROM recall_record
        WHERE valid_from <= now() AND recall_id > $1
        ORDER BY recall_id, valid_from DESC, log_offset DESC
    ) AS recall
    WHERE item_id = coalesce($2::text, item_id)
    ORDER BY recall_id LIMIT $3
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY recall_id) FROM page) AS records
"""

NORMS: Final = f"""
WITH page AS (
    SELECT norm_id, body, valid_from FROM (
        SELECT DISTINCT ON (norm_id) * FROM norm_record
        WHERE valid_from <= now() AND norm_id > $1
        ORDER BY norm_id, valid_from DESC, log_offset DESC
    ) AS norm
    WHERE ($2::text IS NULL OR item_id = $2) AND ($3::text IS NULL OR level = $3)
    ORDER BY norm_id LIMIT $4
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY norm_id) FROM page) AS records
"""

CLOSURES: Final = f"""
WITH page AS (
    SELECT closure_id, body, valid_from FROM (
        SELECT DISTINCT ON (closure_id) * FROM closure_record
        WHERE valid_from <= now() AND closure_id > $1
        ORDER BY closure_id, valid_from DESC, log_offset DESC
    ) AS closure
    WHERE ($2::text IS NULL OR district_id = $2) AND ($3::text IS NULL OR facility_id = $3)
    ORDER BY closure_id LIMIT $4
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY closure_id)
     FROM page) AS records
"""

DIRECTIVES: Final = f"""
WITH page AS (
    SELECT directive_id, body, valid_from FROM (
        SELECT DISTINCT ON (directive_id) * FROM directive_record
        WHERE valid_from <= now() AND directive_id > $1
        ORDER BY directive_id, valid_from DESC, log_offset DESC
    ) AS directive
    ORDER BY directive_id LIMIT $2
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY directive_id)
     FROM page) AS records
"""

CHAINS: Final = f"""
WITH page AS (
    SELECT chain_id, body, valid_from FROM (
        SELECT DISTINCT ON (chain_id) * FROM chain_record
        WHERE valid_from <= now() AND chain_id > $1
        ORDER BY chain_id, valid_from DESC, log_offset DESC
    ) AS chain
    ORDER BY chain_id LIMIT $2
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY chain_id)
     FROM page) AS records
"""

THRESHOLDS: Final = f"""
WITH page AS (
    SELECT threshold_id, body, valid_from FROM (
        SELECT DISTINCT ON (threshold_id) * FROM threshold_record
        WHERE valid_from <= now() AND threshold_id > $1
        ORDER BY threshold_id, valid_from DESC, log_offset DESC
    ) AS threshold
    WHERE $2::text IS NULL OR rule = $2
    ORDER BY threshold_id LIMIT $3
)
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(json_build_array(body, valid_from) ORDER BY threshold_id)
     FROM page) AS records
"""


@dataclass(frozen=True, slots=True)
class Registered:
    """Records as they stand in the log, each with the instant from which it is in force."""

    snapshot: Snapshot
    records: list[dict[str, Any]]


async def list_facilities(
    model: ReadModel,
    *,
    after: str = "",
    district_id: str | None = None,
    level: str | None = None,
    parent_facility_id: str | None = None,
    limit: int,
) -> Registered:
    return _registered(
        await model.fetch(FACILITIES, after, district_id, level, parent_facility_id, limit)
    )


async def list_items(
    model: ReadModel, *, after: str = "", words: Sequence[str] = (), limit: int
) -> Registered:
    """Items whose id or name, in any language, holds each of `words`, in any case."""
    return _registered(await model.fetch(ITEMS, after, list(words), limit))


async def list_districts(
    model: ReadModel, *, after: str = "", state: str | None = None, limit: int
) -> Registered:
    return _registered(await model.fetch(DISTRICTS, after, state, limit))


async def list_recalls(
    model: ReadModel, *, after: str = "", item_id: str | None = None, limit: int
) -> Registered:
    return _registered(await model.fetch(RECALLS, after, item_id, limit))


async def list_norms(
    model: ReadModel,
    *,
    after: str = "",
    item_id: str | None = None,
    level: str | None = None,
    limit: int,
) -> Registered:
    """Those whose records name the item and the level."""
    return _registered(await model.fetch(NORMS, after, item_id, level, limit))


async def list_closures(
    model: ReadModel,
    *,
    after: str = "",
    district_id: str | None = None,
    facility_id: str | None = None,
    limit: int,
) -> Registered:
    """Those whose records name the district, or the facility."""
    return _registered(await model.fetch(CLOSURES, after, district_id, facility_id, limit))


async def list_directives(model: ReadModel, *, after: str = "", limit: int) -> Registered:
    return _registered(await model.fetch(DIRECTIVES, after, limit))


async def list_chains(model: ReadModel, *, after: str = "", limit: int) -> Registered:
    return _registered(await model.fetch(CHAINS, after, limit))


async def list_thresholds(
    model: ReadModel, *, after: str = "", rule: str | None = None, limit: int
) -> Registered:
    return _registered(await model.fetch(THRESHOLDS, after, rule, limit))


def _registered(snapshot: Snapshot) -> Registered:
    return Registered(
        snapshot,
        [body | {"valid_from": valid_from} for body, valid_from in snapshot.loads("records")],
    )
