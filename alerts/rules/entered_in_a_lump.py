"""Prescriptions bear times that no counter works at: many in one minute, or as by a clock."""

from typing import Final

from alerts.rule import Parameter, Rule

ENTERED_IN_A_LUMP: Final = Rule(
    id="entered_in_a_lump",
    title="Dispensing is entered in a lump",
    family="compliance",
    about="facility",
    severity="info",
    who_acts="district",
    what_to_do="Ask how prescriptions are entered. Each should go in when it is served, or be typed"
    " later with the time at which it was.",
    ends="For a week no minute has had so many, and no device so many at even intervals.",
    from_first_count=False,
    opens_in_silence=True,
    on_change=False,
    parameters={
        "days": Parameter(default=7, unit="days", meaning="back from now"),
        "prescriptions": Parameter(
            default=20,
            unit="prescriptions",
            meaning="with one minute for when they were served",
            most=10_000,
        ),
        "evenly": Parameter(
            default=20,
            unit="prescriptions",
            meaning="one after another, with exactly the same time between them, that no device"
            " numbered as it went",
            least=5,
            most=10_000,
        ),
    },
    # A run is of the prescriptions that share their distance to the one before; the first of them,
    # which begins it, has another. Runs are looked for only where a distance comes often enough.
    # Numbers that go on with the times are those of a device that was there: however late it sends
    # them, that is no breach.
    holds="""
        WITH given AS MATERIALIZED (
            SELECT facility_no, coalesce(body ->> 'device_id', '') COLLATE "C" AS device_id,
                   (body ->> 'device_seq')::bigint AS seq, occurred_at,
                   recorded_at - occurred_at > interval '1 hour' AS is_late,
                   {prescriptions}, {evenly}
            FROM place JOIN event USING (facility_no)
            WHERE type = 'medicine_dispensed' AND reversed_at IS NULL
              AND occurred_at >= {now} - make_interval(days => {days})
        ), spaced AS MATERIALIZED (
            SELECT facility_no, device_id, seq, occurred_at, is_late, {evenly},
                   occurred_at - lag(occurred_at) OVER of_device AS spacing,
                   seq - lag(seq) OVER of_device = 1 AS is_next
            FROM given
            WINDOW of_device AS (PARTITION BY facility_no, device_id ORDER BY occurred_at, seq)
        ), regular AS (
            SELECT DISTINCT facility_no, device_id FROM (
                SELECT facility_no, device_id FROM spaced WHERE spacing > interval '0'
                GROUP BY facility_no, device_id, spacing, {evenly} HAVING count(*) + 1 >= {evenly}
            ) AS often
        ), lump AS (
            SELECT facility_no, 'minute' AS kind, date_trunc('minute', occurred_at) AS first_at,
                   count(*) AS prescriptions, bool_or(is_late) AS is_late
            FROM given GROUP BY facility_no, date_trunc('minute', occurred_at), {prescriptions}
            HAVING count(*) >= {prescriptions}
            UNION ALL
            SELECT facility_no, 'even', min(occurred_at) - spacing, count(*) + 1, bool_or(is_late)
            FROM (
                SELECT *, count(*) FILTER (WHERE spacing IS DISTINCT FROM spacing_before)
                              OVER (PARTITION BY facility_no, device_id ORDER BY occurred_at, seq
                                    ROWS UNBOUNDED PRECEDING) AS run
                FROM (
                    SELECT *, lag(spacing) OVER (PARTITION BY facility_no, device_id
                                                 ORDER BY occurred_at, seq) AS spacing_before
                    FROM spaced JOIN regular USING (facility_no, device_id)
                ) AS compared
            ) AS numbered
            WHERE spacing > interval '0'
            GROUP BY facility_no, device_id, run, spacing, {evenly}
            HAVING count(*) + 1 >= {evenly} AND NOT coalesce(bool_and(is_next), false)
        )
        SELECT facility_no, 'info' AS severity, min(first_at) AS began_at,
               jsonb_build_object(
                   'lumps', count(*) FILTER (WHERE kind = 'minute'),
                   'even_runs', count(*) FILTER (WHERE kind = 'even'),
                   'largest', max(prescriptions),
                   'largest_at', (array_agg(first_at ORDER BY prescriptions DESC, first_at))[1],
                   'recorded_late', bool_or(is_late)) AS evidence
        FROM lump GROUP BY facility_no
    """,
)
