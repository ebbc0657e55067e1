"""How much an item matters: vital, essential or desirable, by its record in force."""


def ved_of(relation: str) -> str:
    """A lateral relation with the `ved` of the relation's item; null where nobody has said."""
    return f"""(
        SELECT (
            SELECT body ->> 'ved' FROM item_number JOIN item_record USING (item_id)
            WHERE item_number.item_no = {relation}.item_no AND valid_from <= {{now}}
            ORDER BY valid_from DESC, log_offset DESC LIMIT 1
        ) AS ved
    )"""


def severity(*, vital: str, others: str, desirable: str = "info") -> str:
    """By `ved`; of what nobody has said it counts as essential."""
    return f"CASE ved WHEN 'V' THEN '{vital}' WHEN 'D' THEN '{desirable}' ELSE '{others}' END"
