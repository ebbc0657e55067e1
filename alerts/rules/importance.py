"""How much an item matters: vital, essential or desirable, by its record in force."""

from typing import Final

VED: Final = """(
    SELECT (
        SELECT body ->> 'ved' FROM item_number JOIN item_record USING (item_id)
        WHERE item_number.item_no = stocked.item_no AND valid_from <= {now}
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS ved
)"""


def severity_by(ved: str) -> str:
    """Vital: critical; desirable: for information; all else: a warning."""
    return f"CASE {ved} WHEN 'V' THEN 'critical' WHEN 'D' THEN 'info' ELSE 'warning' END"
