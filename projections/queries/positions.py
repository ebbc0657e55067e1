"""How far each partition is projected."""

from typing import Final

from projections.reading import EVERYTHING, ReadModel, Snapshot

POSITIONS: Final = f"SELECT {EVERYTHING}"


async def find_positions(model: ReadModel) -> Snapshot:
    return await model.fetch(POSITIONS)
