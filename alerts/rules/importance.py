"""How much an item matters: vital, essential or desirable."""


def severity(*, vital: str, others: str, desirable: str = "info") -> str:
    """By `ved`; of what nobody has said it counts as essential."""
    return f"CASE ved WHEN 'V' THEN '{vital}' WHEN 'D' THEN '{desirable}' ELSE '{others}' END"
