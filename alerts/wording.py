"""What officers are told: open alerts as Alertmanager's."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from alerts.rule import Rule
from alerts.rules import RULES
from projections.figures.days import INDIA
from projections.queries.open_alerts import About, Digest, Group, Line, Single, Turn
from projections.queries.surplus import Surplus
from projections.reading import parse_instant

Outgoing = dict[str, Any]
"""An alert as the API of Alertmanager takes it, but for `endsAt`."""

DIGEST: Final = "dawalog_digest"


def tell_single(one: Single, public_url: str) -> Outgoing:
    labels = {
        "facility_id": one.about.facility_id,
        "item_id": one.about.item_id,
        "lot": one.about.lot,
        "item_class": one.about.item_class,
    }
    title = _title(one.rule)
    place = one.about.facility_name or one.about.facility_id or _place(one)
    what = one.about.item_name or one.about.item_id or one.about.item_class
    return _tell(
        one.rule,
        one.district,
        one.opened_at,
        labels | {"scope": "facility" if one.about.facility_id else "district"},
        summary=f"{title}: {what} at {place}" if what else f"{title}: {place}",
        description=f"Since {_when(one.about.began_at)}.",
        turn=_turn(one.turn),
        public_url=public_url,
        link=f"{public_url}/v1/alerts/{one.alert_id}",
    )


def tell_group(group: Group, public_url: str) -> Outgoing:
    names = [_name(about) for about in group.named]
    left = group.alerts - len(names)
    is_of_facilities = group.named[0].facility_id is not None
    many = f"{group.alerts} at {group.facilities} facilities of" if is_of_facilities else "in"
    return _tell(
        group.rule,
        group.district,
        group.opened_at,
        {"scope": "facility" if is_of_facilities else "district"},
        summary=f"{_title(group.rule)}: {many} {_place(group)}",
        description="; ".join(names) + (f"; and {left} more" if left else "") + ".",
        turn="; ".join(
            f"{_officer(each.officer, each.title)}: {each.alerts}" for each in group.turns
        ),
        public_url=public_url,
        link=_list_link(public_url, rule=group.rule, district=group.district, severity="critical"),
    )


def tell_digest(digest: Digest, began_at: datetime, public_url: str) -> Outgoing:
    lines = [_line(line) for line in digest.lines]
    if left := digest.alerts - len(lines):
        lines.append(f"- and {left} more")
    whose = digest.facility_name or digest.facility_id or _place(digest)
    labels = {
        "alertname": DIGEST,
        "delivery": "digest",
        "severity": "warning",
        "district": digest.district,
        "facility_id": digest.facility_id,
        "officer": digest.officer,
        "day": began_at.astimezone(INDIA).date().isoformat(),
    }
    return {
        "labels": _present(labels),
        "annotations": {
            "summary": f"{whose}: {digest.alerts} to do for the "
            f"{_officer(digest.officer, digest.title)}",
            "lines": "\n".join(lines),
        },
        "startsAt": began_at.isoformat(),
        "generatorURL": _list_link(
            public_url, facility_id=digest.facility_id, district=digest.district
        ),
    }


def _tell(
    rule_id: str,
    district: str,
    opened_at: str,
    labels: dict[str, str | None],
    *,
    summary: str,
    description: str,
    turn: str,
    public_url: str,
    link: str,
) -> Outgoing:
    rule = _rule(rule_id)
    told = labels | {
        "alertname": rule_id,
        "severity": "critical",
        "concern": rule.family if rule else "shortage",
        "district": district,
        "officer": rule.who_acts if rule else None,
    }
    annotations = {
        "summary": summary,
        "description": description,
        "next_step": _next_step(rule_id),
        "turn": turn,
        "runbook": public_url + rule.runbook if rule else None,
    }
    return {
        "labels": _present(told),
        "annotations": _present(annotations),
        "startsAt": opened_at,
        "generatorURL": link,
    }


def _rule(rule_id: str) -> Rule | None:
    """None of one that a later version dropped."""
    return RULES.get(rule_id)


def _title(rule_id: str) -> str:
    rule = _rule(rule_id)
    return rule.title if rule else rule_id


def _next_step(rule_id: str) -> str:
    rule = _rule(rule_id)
    return rule.what_to_do if rule else ""


def _line(line: Line) -> str:
    said = f"{_title(line.rule)}: {_name(line.about)}, since {_when(line.about.began_at)}."
    parts = [
        "- Overdue:" if line.is_overdue else "-",
        said,
        _next_step(line.rule),
        _offer(line.surplus) if line.surplus else "",
    ]
    return " ".join(part for part in parts if part)


def _offer(surplus: Surplus) -> str:
    away = "" if surplus.distance_km is None else f", {surplus.distance_km:g} km away,"
    return f"{surplus.name}{away} can give {surplus.can_give}."


def _name(about: About) -> str:
    item = about.item_name or about.item_id or about.item_class
    parts: Iterable[str | None] = (
        item and (f"{item} (lot {about.lot})" if about.lot else item),
        about.facility_name or about.facility_id,
    )
    return " at ".join(part for part in parts if part) or "the district"


def _place(told: Single | Group | Digest) -> str:
    return told.district_name or told.district or "no district"


def _turn(turn: Turn) -> str:
    """Not among the labels, as it changes: Alertmanager would take it for another alert."""
    until = f" until {_when(turn.passes_on_at)}" if turn.passes_on_at else ""
    return f"{_officer(turn.officer, turn.title)}{until}"


def _officer(officer: str, title: str | None) -> str:
    return title or {"in_charge": "officer in charge", "block": "block officer"}.get(
        officer, f"{officer} officer"
    )


def _when(instant: str) -> str:
    return f"{parse_instant(instant).astimezone(INDIA):%-d %b %H:%M}"


def _list_link(public_url: str, **filters: str | None) -> str:
    asked = [*_present(filters).items(), ("state", "open"), ("state", "acknowledged")]
    return f"{public_url}/v1/alerts?{urlencode(asked)}"


def _present(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
