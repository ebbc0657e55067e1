"""When rules are looked at."""

from pydantic import Field

from projections.settings import DatabaseSettings


class AlertSettings(DatabaseSettings):
    """Settings of the evaluation of rules (environment: ``DAWALOG_…``)."""

    alert_evaluation: bool = Field(
        default=True, description="whether this worker evaluates the rules of its partitions"
    )
    alert_look_seconds: float = Field(
        default=0.2, gt=0, description="how long after a look for what changed the next one begins"
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
