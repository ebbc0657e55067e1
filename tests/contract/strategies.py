"""Posted events of every type, as clients may send them."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

ids = st.text("ABCxyz019._:-", min_size=1, max_size=12)
printable = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")),
    min_size=1,
    max_size=20,
)
# letters, so that no text holds what looks like a mobile number
words = st.text("abc कखग é🙂", min_size=1, max_size=20)
quantities = st.integers(1, 10**12)
counts = st.integers(0, 10**12)
expiries = st.one_of(
    st.dates(date(2020, 1, 1), date(2040, 12, 31)).map(date.isoformat),
    st.dates(date(2020, 1, 1), date(2040, 12, 31)).map(lambda day: day.strftime("%Y-%m")),
)
event_ids = st.uuids().flatmap(lambda one: st.sampled_from((str(one), str(one).upper())))
instants = st.builds(
    lambda instant, offset: instant.replace(tzinfo=None).isoformat() + offset,
    st.datetimes(datetime(2011, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(("Z", "z", "+05:30", "-00:00", "-11:00")),
)


def optional(**fields: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Fields that may also be null."""
    return {name: st.none() | field for name, field in fields.items()}


def line(
    required: dict[str, st.SearchStrategy[Any]], **others: st.SearchStrategy[Any]
) -> dict[str, st.SearchStrategy[Any]]:
    one = st.fixed_dictionaries({"item_id": ids, **required}, optional=optional(**others))
    is_count = "counted" in required  # a lot is counted in one line
    card = (lambda each: (each["item_id"], each.get("lot"))) if is_count else None
    return {"lines": st.lists(one, min_size=1, max_size=4, unique_by=card)}


lot = {"lot": printable}
quantity = {"quantity": quantities}
noted = optional(note=words)
held = {"item_id": ids, "lot": printable, "reason": words}
adjusted = {
    "quantity": quantities | quantities.map(lambda amount: -amount),
    "reason": st.sampled_from(("expired", "damaged", "found", "lot_identified")),
}

BY_TYPE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "stock_received": (
        line({**lot, **quantity}, expiry=expiries, manufacturer=printable, unit_cost_paise=counts),
        optional(
            source_kind=st.sampled_from(("warehouse", "donation")),
            source_name=printable,
            document_no=printable,
            note=words,
        ),
    ),
    "stock_issued": (
        {"to_kind": st.sampled_from(("ward", "asha")), **line(quantity, lot=printable)},
        optional(to_name=printable, note=words),
    ),
    "transfer_dispatched": (
        {
            "transfer_id": ids,
            "to_facility_id": ids.map(lambda one: f"to-{one}"),
            **line({**lot, **quantity}, expiry=expiries),
        },
        noted,
    ),
    "transfer_received": (
        {
            "transfer_id": ids,
            "from_facility_id": ids.map(lambda one: f"from-{one}"),
            **line({**lot, "quantity": counts}, expiry=expiries, damaged=counts),
        },
        noted,
    ),
    "medicine_dispensed": (
        {
            "channel": st.sampled_from(("opd", "ipd", "emergency")),
            **line({"quantity": counts}, lot=printable, prescribed=counts),
        },
        optional(
            patient=st.fixed_dictionaries({"scheme": ids, "id": printable}),
            prescription_ref=words,
            prescriber=st.fixed_dictionaries({"name": printable}, optional={"address": printable}),
            note=words,
        ),
    ),
    "medicine_returned": (line(quantity, lot=printable), optional(returns_event_id=event_ids)),
    "stock_adjusted": (line(adjusted, lot=printable, expiry=expiries), noted),
    "stock_counted": (
        line({"counted": counts}, lot=printable, expiry=expiries),
        optional(complete=st.booleans(), note=words),
    ),
    "lot_held": (held, noted),
    "lot_released": (held, noted),
    "event_reversed": ({"reverses": event_ids, "reason": words}, noted),
}


def posted(event_type: str) -> st.SearchStrategy[dict[str, Any]]:
    required, others = BY_TYPE[event_type]
    return st.fixed_dictionaries(
        {
            "type": st.just(event_type),
            "event_id": st.uuids().map(str),
            "facility_id": ids.map(lambda one: f"f-{one}"),
            "occurred_at": instants,
            **required,
        },
        optional=others
        | optional(sent_at=instants, device_id=ids, schema_version=st.just(1), corrects=event_ids),
    ).filter(lambda event: event.get("corrects") is None or not _same(event, "corrects"))


def _same(event: dict[str, Any], field: str) -> bool:
    return uuid.UUID(event[field]) == uuid.UUID(event["event_id"])


posted_events = st.sampled_from(sorted(BY_TYPE)).flatmap(posted)
