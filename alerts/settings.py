"""When rules are looked at, and who is told."""

from pydantic import Field

from projections.settings import DatabaseSettings


class AlertSettings(DatabaseSettings):
    """Settings of the evaluation of rules (environment: ``DAWALOG_…``)."""

    alert_evaluation: bool = Field(
        default=True, description="whether this worker evaluates the rules of its partitions"
    )
    alert_look_seconds: float = Field(
        default=0.2,
        gt=0,
        description="from the begin of a look for what changed to the next one's, at least",
    )
    alert_walk_share: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description="share of the time for which rules are evaluated anew, partition by partition, "
        "though nothing happened there",
    )
    alert_most_lag_seconds: float = Field(
        default=60.0,
        gt=0,
        description="rules of a partition aren't evaluated while it is projected so late",
    )


class AlertmanagerSettings(DatabaseSettings):
    """Settings of telling people (environment: ``DAWALOG_…``)."""

    alertmanager_url: str | None = Field(
        default=None,
        description="address of the Alertmanager that is told of alerts; absent: none is",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        description="address of the API as officers reach it, for links in what they are told",
    )
