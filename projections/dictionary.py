"""Short integer numbers for long text ids, taken once and remembered.

New numbers are committed before the batch that needs them, in a transaction of their own and in
the ids' order, so that two workers never wait for each other in a circle. A number that no row
uses in the end does no harm.
"""

from collections.abc import Iterable
from typing import Any, Final

import asyncpg

TAKE: Final = """
WITH wanted AS (SELECT unnest($1::text[]) AS id),
taken AS (
    INSERT INTO {kind}_number ({kind}_id) SELECT id FROM wanted ORDER BY id
    ON CONFLICT ({kind}_id) DO NOTHING RETURNING {kind}_id AS id, {kind}_no AS no
)
SELECT id, no FROM taken
UNION ALL
SELECT {kind}_id, {kind}_no FROM {kind}_number JOIN wanted ON {kind}_id = id
"""


class Dictionary:
    """Numbers of one kind of id (``facility`` or ``item``) in one read model."""

    def __init__(self, kind: str) -> None:
        self.numbers: dict[str, int] = {}
        self._take = TAKE.format(kind=kind)

    async def learn(self, connection: "asyncpg.Connection[Any]", ids: Iterable[str]) -> None:
        """Make sure that `numbers` holds all these ids. Call outside a transaction."""
        missing = sorted({i for i in ids if i not in self.numbers})
        while missing:
            rows = await connection.fetch(self._take, missing)
            self.numbers.update((row["id"], row["no"]) for row in rows)
            # An id that another worker is inserting just now shows in the next snapshot.
            missing = [i for i in missing if i not in self.numbers]
