"""Parameters of rules, by place: what thresholds say, else the rule's own. As SQL, for all at once.

Records count from their `valid_from` on, whatever came first, so what opens and closes by them
doesn't depend on the order in which they came.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from alerts.rule import Rule
from alerts.rules import RULES
from stream.errors import Fault, Rejected
from stream.thresholds import Threshold

IN_FORCE: Final = """
    threshold AS MATERIALIZED (
        SELECT * FROM (
            SELECT DISTINCT ON (threshold_id) * FROM threshold_record
            WHERE valid_from <= $1::timestamptz
            ORDER BY threshold_id, valid_from DESC, log_offset DESC
        ) AS newest WHERE rule = ANY ($2::text[]) AND NOT withdrawn
    )
"""
"""Of the rules in $2."""

# Of equal names the last stays, which is the most specific one's.
_TOLD: Final = """
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(rule || '.' || name, value ORDER BY
                   threshold.district_id IS NOT NULL, threshold.state IS NOT NULL,
                   threshold.level IS NOT NULL, threshold_id) AS parameters
        FROM threshold CROSS JOIN jsonb_each(body -> 'parameters') AS parameter (name, value)
        WHERE (threshold.district_id IS NULL OR threshold.district_id = here.district_id)
          AND (threshold.state IS NULL OR threshold.state = here.state)
          AND {of_level}
    ) AS told ON true
"""
_OF_LEVEL: Final = "(threshold.level IS NULL OR threshold.level = here.level)"


def with_parameters(rules: Iterable[Rule], places: str, *, have_levels: bool) -> str:
    """A SELECT of `places`, one too, with a column more for each parameter of the rules."""
    columns = "".join(
        f", coalesce((parameters ->> '{rule.id}.{name}')::integer,"
        f" {'NULL' if each.default is None else each.default})"
        f" AS {rule.column(name)}"
        for rule in rules
        for name, each in rule.parameters.items()
    )
    if not columns:
        return places
    told = _TOLD.format(of_level=_OF_LEVEL if have_levels else "threshold.level IS NULL")
    return f"SELECT here.*{columns} FROM ({places}) AS here {told}"


def check_threshold(threshold: Threshold) -> None:
    """Raises Rejected where it names what there isn't, or what no rule could work with."""
    if faults := list(_find_faults(threshold)):
        raise Rejected(
            "invalid-record", f"This record cannot be recorded: {faults[0].detail}.", faults
        )


def _find_faults(threshold: Threshold) -> Iterator[Fault]:
    rule = RULES.get(threshold.rule)
    if rule is None:
        yield Fault("/rule", f"there is no rule {threshold.rule}")
        return
    if rule.is_of_district and threshold.level is not None:
        yield Fault("/level", f"{rule.id} is about districts, which have no level")
    for name, value in threshold.parameters.items():
        pointer = f"/parameters/{name}"
        parameter = rule.parameters.get(name)
        if parameter is None:
            known = ", ".join(rule.parameters) or "none"
            yield Fault(pointer, f"{rule.id} has no parameter {name}; it has {known}")
        elif not parameter.least <= value <= parameter.most:
            yield Fault(
                pointer, f"must be from {parameter.least} to {parameter.most} {parameter.unit}"
            )
