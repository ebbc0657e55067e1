"""How far each partition is projected."""

from typing import Final

from projections.reading import ALL_TOPICS, ReadModel, Snapshot

POSITIONS: Final = f"SELECT {ALL_TOPICS}"


async def find_positions(model: ReadModel) -> Snapshot:
    return await model.fetch(POSITIONS)
