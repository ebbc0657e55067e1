"""Settings of the API: its own, and those of the log, the privacy keys and the read model."""

from datetime import UTC, datetime

from pydantic import AwareDatetime, Field

from projections.settings import ReadingSettings
from stream.settings import KafkaSettings, PrivacySettings


class ApiSettings(KafkaSettings, PrivacySettings, ReadingSettings):
    api_host: str = Field(default="127.0.0.1", description="address that the API listens on")
    api_port: int = Field(default=8000, ge=0, le=65535, description="port of the API")
    earliest_occurred_at: AwareDatetime = Field(
        default=datetime(2010, 1, 1, tzinfo=UTC),
        description="events that happened before it are refused: their clock is wrong",
    )
