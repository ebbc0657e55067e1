"""What the routes that read share, started and stopped with the process."""

from api.live_hub import LiveHub
from api.projected import Projected
from api.reporting_memory import ReportingMemory
from projections.queries.pull import Pulls
from projections.reading import ReadModel
from projections.settings import ReadingSettings
from stream.log_ends import LogEnds
from stream.settings import KafkaSettings


class Reading:
    """Starts with Postgres or Kafka away, and finds them when they come."""

    def __init__(
        self, model: ReadModel, *, database: ReadingSettings, kafka: KafkaSettings
    ) -> None:
        """`model` is started and stopped by whoever made it."""
        self.model = model
        self.projected = Projected(model, database)
        self.log_ends = LogEnds(kafka)
        self.live = LiveHub(model, self.projected)
        self.pulls = Pulls(database)
        self.reporting = ReportingMemory(model)

    async def start(self) -> None:
        await self.projected.start()
        await self.log_ends.start()
        await self.live.start()

    async def stop(self) -> None:
        await self.live.stop()
        await self.log_ends.stop()
        await self.projected.stop()
