"""How much an item matters: vital, essential or desirable."""


def severity(*, vital: str, others: str, desirable: str = "info") -> str:
    """By `ved`; of what nobody has said it counts as essential."""
    severities = f"WHEN 'V' THEN '{vital}' WHEN 'D' THEN '{desirable}' ELSE '{others}'"
    return f"CASE importance.ved {severities} END"
