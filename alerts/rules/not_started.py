"""A facility that hasn't made a complete count yet: nothing can be said of its stock."""

from typing import Final

from alerts.rule import Rule

NOT_STARTED: Final = Rule(
    id="not_started",
    title="No complete count yet",
    family="compliance",
    about="facility",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Count every shelf once and post it as a complete count; stock is known from then.",
    ends="The facility's first complete count is recorded.",
    from_first_count=False,
    opens_in_silence=True,
    holds="""
        SELECT facility_no, 'warning' AS severity, registered_at AS began_at,
               jsonb_build_object('last_heard_at', last_recorded_at) AS evidence
        FROM place LEFT JOIN facility_activity USING (facility_no)
        CROSS JOIN LATERAL (
            SELECT min(recorded_at) AS registered_at FROM facility_record AS record
            WHERE record.facility_id = place.facility_id
        ) AS record
        WHERE counted_at IS NULL AND level IS NOT NULL
    """,
)
