-- One read model: everything here is computed from the log and can be dropped at any time.
-- Created in a schema of its own, model_<number>, with search_path set to it.
-- Every row carries its facility (or is a dictionary), so that the tables can be distributed by facility.

-- Short integer names for long text ids. Numbers differ between rebuilds: compare by the text.
CREATE TABLE facility_number (
    facility_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility_id text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE item_number (
    item_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_id text COLLATE "C" NOT NULL UNIQUE
);

-- How far each partition is projected. Moves by compare-and-swap in the transaction of the rows.
CREATE TABLE position (
    topic         text COLLATE "C" NOT NULL,
    partition     integer NOT NULL,
    next_offset   bigint NOT NULL DEFAULT 0,          -- the first record not applied yet
    epoch         bigint NOT NULL DEFAULT 0,          -- how often the partition was claimed
    recorded_at   timestamptz,                        -- of the record before next_offset
    record_digest bytea,                              -- SHA-256 of the record before next_offset
    chain_digest  bytea NOT NULL DEFAULT '\x',        -- SHA-256 chain over all records before next_offset
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- Every event applied, once. `body` is the record's value, in its type's newest version.
CREATE TABLE event (
    facility_no    integer NOT NULL,
    event_id       uuid NOT NULL,
    type           text COLLATE "C" NOT NULL,
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    reversed_at    timestamptz,                       -- recorded_at of the first event that reverses it
    partition      integer NOT NULL,
    log_offset     bigint NOT NULL,
    content_sha256 bytea NOT NULL,
    body           jsonb NOT NULL,
    PRIMARY KEY (facility_no, event_id)
);
CREATE INDEX event_day_book ON event (facility_no, occurred_at, event_id);
CREATE INDEX event_newest ON event (recorded_at);
CREATE INDEX event_document ON event (facility_no, (body ->> 'document_no'))
    WHERE body ? 'document_no';
CREATE INDEX event_prescription ON event (facility_no, (body ->> 'prescription_hash'))
    WHERE body ? 'prescription_hash';
-- What a facility got and counted, few among many: asked for by alerts and directives.
CREATE INDEX event_supplied ON event (facility_no, type, occurred_at)
    WHERE type IN ('stock_received', 'transfer_received', 'stock_counted');
CREATE INDEX event_device ON event
    (facility_no, (body ->> 'device_id'), ((body ->> 'device_seq')::bigint))
    WHERE body ? 'device_seq';

-- Whether the sender's clock was wrong by more than clocks of phones and PCs usually are. `sent_at`
-- is as the log writes it, in UTC, so the cast depends on no setting.
CREATE FUNCTION clock_is_off(sent_at text, recorded_at timestamptz) RETURNS boolean IMMUTABLE
RETURN greatest(recorded_at - sent_at::timestamptz, sent_at::timestamptz - recorded_at)
       > interval '10 minutes';

CREATE INDEX event_clock ON event (facility_no, recorded_at)
    WHERE body ? 'sent_at' AND clock_is_off(body ->> 'sent_at', recorded_at);

-- Events that were recorded more than 6 hours after they occurred: `projections.reporting.LATE_AFTER`.
CREATE INDEX event_late ON event (facility_no, recorded_at)
    WHERE recorded_at - occurred_at > interval '6 hours';

-- Which event reverses which, also where the reversed one hasn't come yet.
CREATE TABLE reversal (
    facility_no integer NOT NULL,
    reversed_id uuid NOT NULL,
    event_id    uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (facility_no, reversed_id, event_id)
);

-- A line of an event on its stock card (facility, item, lot), in fold order by
-- (occurred_at, event_id, line_no). lot '' is the item's unrecorded lot.
-- line_no 0: the zero that a complete count implies for a card it doesn't name.
CREATE TABLE ledger_entry (
    facility_no integer NOT NULL,
    item_no     integer NOT NULL,
    lot         text COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    line_no     smallint NOT NULL,
    is_count    boolean NOT NULL,
    quantity    bigint NOT NULL,                      -- movement: signed; count: what was counted
    balance     bigint NOT NULL,                      -- of the card after this entry
    recorded_at timestamptz NOT NULL,
    reversed_at timestamptz,                          -- as the event's
    expiry      date,                                 -- that this fact gave for the lot
    settled_at  timestamptz,                          -- since when the balance is known to be this,
                                                      -- if later than recorded_at
    PRIMARY KEY (facility_no, item_no, lot, occurred_at, event_id, line_no)
);
CREATE INDEX ledger_entry_expiry ON ledger_entry (facility_no, item_no, lot, expiry)
    WHERE expiry IS NOT NULL;
-- Where the book had less than nothing: few among many.
CREATE INDEX ledger_entry_negative ON ledger_entry (facility_no, item_no, lot) WHERE balance < 0;

-- A stock card's present state: the balance after its last entry.
CREATE TABLE card (
    facility_no integer NOT NULL,
    item_no     integer NOT NULL,
    lot         text COLLATE "C" NOT NULL,
    on_hand     bigint NOT NULL,
    expiry      date,                                 -- the earliest that any unreversed fact gave
    occurred_at timestamptz NOT NULL,                 -- key of the last entry in fold order
    event_id    uuid NOT NULL,
    line_no     smallint NOT NULL,
    PRIMARY KEY (facility_no, item_no, lot)
) WITH (fillfactor = 70);
-- Where a lot is; updates don't touch it. With facility_no, so that a look-up of one card costs the
-- same by either index: before there are statistics the planner took this one and read every
-- facility's card of the lot (projection fell to a third).
CREATE INDEX card_lot ON card (item_no, lot, facility_no);

-- Items of which a complete count says that every card was counted.
CREATE TABLE complete_count (
    facility_no integer NOT NULL,
    item_no     integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    PRIMARY KEY (facility_no, item_no, occurred_at, event_id)
);

-- What one side posted of a transfer; what became of it is a query over both sides. Joined with
-- its event for when, and whether it was reversed.
CREATE TABLE transfer_line (
    facility_no      integer NOT NULL,                -- who posted it
    event_id         uuid NOT NULL,
    line_no          smallint NOT NULL,
    from_facility_id text COLLATE "C" NOT NULL,
    to_facility_id   text COLLATE "C" NOT NULL,
    transfer_id      text COLLATE "C" NOT NULL,
    is_dispatch      boolean NOT NULL,                -- else receipt
    item_no          integer NOT NULL,
    lot              text COLLATE "C" NOT NULL,
    quantity         bigint NOT NULL,                 -- dispatched, or received good
    damaged          bigint NOT NULL,                 -- received damaged
    PRIMARY KEY (facility_no, event_id, line_no)
);
CREATE INDEX transfer_line_from ON transfer_line (from_facility_id, to_facility_id, transfer_id);
CREATE INDEX transfer_line_to ON transfer_line (to_facility_id) WHERE line_no = 1; -- one a posting
CREATE INDEX transfer_line_lot ON transfer_line (item_no, lot);

-- Holds and releases of a lot at a facility; the last unreversed one by (occurred_at, event_id)
-- counts. Joined with its event for when it was recorded, and whether it was reversed.
CREATE TABLE lot_hold (
    facility_no integer NOT NULL,
    item_no     integer NOT NULL,
    lot         text COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    is_hold     boolean NOT NULL,                     -- else release
    PRIMARY KEY (facility_no, item_no, lot, occurred_at, event_id)
);

-- Who made a lot, where a receipt said so. Joined with its event as a hold is.
CREATE TABLE lot_manufacturer (
    facility_no  integer NOT NULL,
    item_no      integer NOT NULL,
    lot          text COLLATE "C" NOT NULL,
    event_id     uuid NOT NULL,
    line_no      smallint NOT NULL,
    manufacturer text NOT NULL,
    PRIMARY KEY (facility_no, item_no, lot, event_id, line_no)
);

-- When a facility was heard of.
CREATE TABLE facility_activity (
    facility_no       integer PRIMARY KEY,
    last_recorded_at  timestamptz NOT NULL,
    ahead             interval NOT NULL DEFAULT '0',  -- by how much occurred_at was after recorded_at
                                                      -- at most: what was known at t occurred by
                                                      -- t + ahead
    first_recorded_at timestamptz NOT NULL DEFAULT '-infinity' -- nothing was known before
) WITH (fillfactor = 50);

-- Records that could not be applied, as they stand in the log.
CREATE TABLE dead_letter (
    topic       text COLLATE "C" NOT NULL,
    partition   integer NOT NULL,
    log_offset  bigint NOT NULL,
    kind        text COLLATE "C" NOT NULL CHECK (kind IN ('undecodable', 'conflict', 'failed')),
    reason      text NOT NULL,
    facility_id text COLLATE "C",
    event_id    uuid,
    content_sha256 bytea,
    recorded_at timestamptz NOT NULL,
    record_key  bytea,
    record_value bytea,
    headers     jsonb NOT NULL,                       -- [[name, base64 of value], …]
    tried_offset bigint,                              -- decided_offset of the replay that failed last
    PRIMARY KEY (topic, partition, log_offset)
);
CREATE INDEX dead_letter_facility ON dead_letter (facility_id, event_id) WHERE facility_id IS NOT NULL;

-- What stands about a dead letter. A letter that was replayed is gone, its decision is here.
CREATE TABLE dead_letter_decision (
    place          text COLLATE "C" PRIMARY KEY,      -- topic/partition/log_offset of the letter
    topic          text COLLATE "C" NOT NULL,
    partition      integer NOT NULL,
    log_offset     bigint NOT NULL,
    decided_offset bigint NOT NULL,                   -- of the decision, in `reference`
    letter_kind    text COLLATE "C" NOT NULL,
    decision       text COLLATE "C" NOT NULL CHECK (decision IN ('replayed', 'discarded')),
    reason         text NOT NULL,
    recorded_by    text NOT NULL,
    recorded_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX dead_letter_decision_place ON dead_letter_decision (topic, partition, log_offset);

-- Reference records, all of them. The one in force at an instant (as known at another) is the one with
-- valid_from and recorded_at not later, and the greatest (valid_from, log_offset).
CREATE TABLE facility_record (
    facility_id        text COLLATE "C" NOT NULL,
    valid_from         timestamptz NOT NULL,
    log_offset         bigint NOT NULL,
    recorded_at        timestamptz NOT NULL,
    name               text NOT NULL,
    level              text COLLATE "C" NOT NULL,
    parent_facility_id text COLLATE "C",
    district_id        text COLLATE "C" NOT NULL,
    state              text COLLATE "C" NOT NULL,
    time_zone          text COLLATE "C" NOT NULL,
    body               jsonb NOT NULL,
    PRIMARY KEY (facility_id, valid_from, log_offset)
);
-- What is part of another: few among many.
CREATE INDEX facility_record_part ON facility_record (parent_facility_id)
    WHERE parent_facility_id IS NOT NULL;

CREATE TABLE item_record (
    item_id     text COLLATE "C" NOT NULL,
    valid_from  timestamptz NOT NULL,
    log_offset  bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    name        text NOT NULL,
    base_unit   text NOT NULL,
    body        jsonb NOT NULL,
    PRIMARY KEY (item_id, valid_from, log_offset)
);

CREATE TABLE district_record (
    district_id text COLLATE "C" NOT NULL,
    valid_from  timestamptz NOT NULL,
    log_offset  bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    name        text NOT NULL,
    state       text COLLATE "C" NOT NULL,
    body        jsonb NOT NULL,
    PRIMARY KEY (district_id, valid_from, log_offset)
);

CREATE TABLE recall_record (
    recall_id    text COLLATE "C" NOT NULL,
    valid_from   timestamptz NOT NULL,
    log_offset   bigint NOT NULL,
    recorded_at  timestamptz NOT NULL,
    item_id      text COLLATE "C" NOT NULL,
    lot          text COLLATE "C" NOT NULL,
    manufacturer text,
    lifted       boolean NOT NULL,
    body         jsonb NOT NULL,
    PRIMARY KEY (recall_id, valid_from, log_offset)
);

-- How much should be there, in days of consumption. Null: whatever the level, item or facility.
CREATE TABLE norm_record (
    norm_id        text COLLATE "C" NOT NULL,
    valid_from     timestamptz NOT NULL,
    log_offset     bigint NOT NULL,
    recorded_at    timestamptz NOT NULL,
    level          text COLLATE "C",
    item_id        text COLLATE "C",
    facility_id    text COLLATE "C",
    lead_time_days smallint NOT NULL,
    safety_days    smallint NOT NULL,
    review_days    smallint NOT NULL,
    window_days    smallint NOT NULL,
    withdrawn      boolean NOT NULL,
    body           jsonb NOT NULL,
    PRIMARY KEY (norm_id, valid_from, log_offset)
);

-- Days on which one facility, a district's, a state's or (none named) all are closed.
CREATE TABLE closure_record (
    closure_id  text COLLATE "C" NOT NULL,
    valid_from  timestamptz NOT NULL,
    log_offset  bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    facility_id text COLLATE "C",
    district_id text COLLATE "C",
    state       text COLLATE "C",
    first_day   date NOT NULL,
    last_day    date NOT NULL,
    withdrawn   boolean NOT NULL,
    body        jsonb NOT NULL,
    PRIMARY KEY (closure_id, valid_from, log_offset)
);

-- What facilities must do by the end of a day. Of which levels and districts is in the body.
CREATE TABLE directive_record (
    directive_id text COLLATE "C" NOT NULL,
    valid_from   timestamptz NOT NULL,
    log_offset   bigint NOT NULL,
    recorded_at  timestamptz NOT NULL,
    requires     text COLLATE "C" NOT NULL,
    state        text COLLATE "C",                    -- null: of all states
    deadline     date NOT NULL,
    used_days    smallint NOT NULL,                   -- with dispensing, of the last of_open_days
    of_open_days smallint NOT NULL,
    withdrawn    boolean NOT NULL,
    body         jsonb NOT NULL,
    PRIMARY KEY (directive_id, valid_from, log_offset)
);

-- Whose turn it is after how long. The steps are in the body.
CREATE TABLE chain_record (
    chain_id    text COLLATE "C" NOT NULL,
    valid_from  timestamptz NOT NULL,
    log_offset  bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    state       text COLLATE "C" NOT NULL,
    district_id text COLLATE "C",                     -- null: of the state's districts
    withdrawn   boolean NOT NULL,
    body        jsonb NOT NULL,
    PRIMARY KEY (chain_id, valid_from, log_offset)
);

-- What parameters of a rule are at a level, in a state or a district. They are in the body.
CREATE TABLE threshold_record (
    threshold_id text COLLATE "C" NOT NULL,
    valid_from   timestamptz NOT NULL,
    log_offset   bigint NOT NULL,
    recorded_at  timestamptz NOT NULL,
    rule         text COLLATE "C" NOT NULL,
    level        text COLLATE "C",                    -- null: whatever the level, state or district
    state        text COLLATE "C",
    district_id  text COLLATE "C",
    withdrawn    boolean NOT NULL,
    body         jsonb NOT NULL,
    PRIMARY KEY (threshold_id, valid_from, log_offset)
);

-- What changed since an offset.
CREATE INDEX facility_record_offset ON facility_record (log_offset);
CREATE INDEX item_record_offset ON item_record (log_offset);
CREATE INDEX district_record_offset ON district_record (log_offset);
CREATE INDEX recall_record_offset ON recall_record (log_offset);
CREATE INDEX norm_record_offset ON norm_record (log_offset);
CREATE INDEX closure_record_offset ON closure_record (log_offset);
CREATE INDEX facility_record_parent ON facility_record (parent_facility_id)
    WHERE parent_facility_id IS NOT NULL;
CREATE INDEX norm_record_item ON norm_record (item_id);
CREATE INDEX recall_record_item ON recall_record (item_id);

-- What two spellings of a lot or of a manufacturer have in common: letters and digits, case-blind.
CREATE FUNCTION spelling(written text) RETURNS text IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    nullif(lower(regexp_replace(
        written COLLATE "pg_c_utf8", '[[:space:][:punct:]\u200c\u200d]', '', 'g')), ''), written);

-- Whether one spelling may be a slip for another: signs that look alike, or a part left out at
-- an end. Not one sign for another: lots of one make are numbered on.
CREATE FUNCTION is_near(one text, other text) RETURNS boolean IMMUTABLE PARALLEL SAFE
RETURN translate(one, 'oilszb', '011528') = translate(other, 'oilszb', '011528')
    OR least(length(one), length(other)) >= 4
       AND (starts_with(one, other) OR starts_with(other, one)
            OR right(one, length(other)) = other OR right(other, length(one)) = one);

-- The facility's time zone; India's where it has none, or one that this server doesn't know.
CREATE FUNCTION zone_or_india(zone text) RETURNS text STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN coalesce(zone, 'Asia/Kolkata');
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'Asia/Kolkata';
END
$$;

-- The records in force now.
CREATE VIEW facility AS
SELECT DISTINCT ON (facility_id) * FROM facility_record
WHERE valid_from <= now() ORDER BY facility_id, valid_from DESC, log_offset DESC;

CREATE VIEW item AS
SELECT DISTINCT ON (item_id) * FROM item_record
WHERE valid_from <= now() ORDER BY item_id, valid_from DESC, log_offset DESC;

CREATE VIEW district AS
SELECT DISTINCT ON (district_id) * FROM district_record
WHERE valid_from <= now() ORDER BY district_id, valid_from DESC, log_offset DESC;

-- Figures: what the state watches. All of India's facilities share one zone, and so its days: the
-- days of consumption, of windows and of roll-ups are India's.
CREATE FUNCTION india_day(instant timestamptz) RETURNS date IMMUTABLE PARALLEL SAFE
RETURN (instant AT TIME ZONE 'Asia/Kolkata')::date;

CREATE FUNCTION india_midnight(day date) RETURNS timestamptz IMMUTABLE PARALLEL SAFE
RETURN day::timestamp AT TIME ZONE 'Asia/Kolkata';

-- What was used of an item on one day of `occurred_at`, by unreversed events.
CREATE TABLE consumption_day (
    facility_no integer NOT NULL,
    item_no     integer NOT NULL,
    day         date NOT NULL,
    dispensed   bigint NOT NULL,                      -- to patients, net of what they returned
    issued      bigint NOT NULL,                      -- to wards and others, and by transfer
    unmet       bigint NOT NULL,                      -- prescribed and not dispensed
    unserved    integer NOT NULL,                     -- lines that were not dispensed in full
    prescriptions integer NOT NULL,                   -- that named it, dispensed or not
    PRIMARY KEY (facility_no, item_no, day)
) WITH (fillfactor = 70);
-- The last days of all, as rules about districts sum them up. Rows come nearly in the order of days, and
-- such an index costs an update nothing.
CREATE INDEX consumption_day_lately ON consumption_day USING brin (day) WITH (pages_per_range = 32);
CREATE INDEX consumption_day_unserved ON consumption_day (facility_no, day) WHERE unserved > 0;

-- Patients of a day, a prescription (a dispense event) each.
CREATE TABLE patient_day (
    facility_no    integer NOT NULL,
    day            date NOT NULL,
    served         integer NOT NULL,                  -- all that was prescribed was dispensed
    served_in_part integer NOT NULL,
    sent_away      integer NOT NULL,                  -- nothing was dispensed
    PRIMARY KEY (day, facility_no)
) WITH (fillfactor = 50);
CREATE INDEX patient_day_there ON patient_day (facility_no, day);

-- From the instant at which nothing of an item is usable, all lots together, to the one at which
-- something is again. Before an item's first fact at a facility it isn't out.
CREATE TABLE stock_out (
    facility_no integer NOT NULL,
    item_no     integer NOT NULL,
    began_at    timestamptz NOT NULL,
    ended_at    timestamptz,
    PRIMARY KEY (facility_no, item_no, began_at)
);
CREATE INDEX stock_out_began ON stock_out (began_at, facility_no, item_no);

-- A facility as its figures take it: the records in force on the day `evaluated_on`, and its part
-- of the roll-ups. Items counted are those of its level's essential list, once it has been counted.
CREATE TABLE facility_state (
    facility_no    integer PRIMARY KEY,
    partition      integer NOT NULL,                  -- of its events: whose owner writes this row
    evaluated_on   date NOT NULL,
    due            boolean NOT NULL,                  -- records changed: all of it is to be evaluated
    level          text COLLATE "C",                  -- null: not registered
    district_id    text COLLATE "C",
    state          text COLLATE "C",
    counted_at     timestamptz,                       -- of its first complete count
    silent         boolean NOT NULL,                  -- two whole open days without a record
    items_out      integer NOT NULL DEFAULT 0,
    items_low      integer NOT NULL DEFAULT 0,
    items_ok       integer NOT NULL DEFAULT 0,
    items_over     integer NOT NULL DEFAULT 0,
    items_unrated  integer NOT NULL DEFAULT 0,
    items_unknown  integer NOT NULL DEFAULT 0,        -- all of them, while it is silent
    expiring_paise numeric NOT NULL DEFAULT 0,
    patients_served         integer NOT NULL DEFAULT 0, -- of the day `evaluated_on`, as in patient_day:
    patients_served_in_part integer NOT NULL DEFAULT 0, -- a state's are summed up without looking
    patients_sent_away      integer NOT NULL DEFAULT 0, -- each facility's up
    parent_id               text COLLATE "C"            -- what it is part of, by its record
) WITH (fillfactor = 50);
CREATE INDEX facility_state_part ON facility_state (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX facility_state_quiet ON facility_state (facility_no) WHERE silent AND parent_id IS NULL;
CREATE INDEX facility_state_due ON facility_state (partition, facility_no) WHERE due;
CREATE INDEX facility_state_district ON facility_state (district_id, facility_no);

-- An item at a facility: every one with a card, and every essential one of a facility that has been
-- counted. What it is rated by is of the `window_days` before `evaluated_on`.
CREATE TABLE item_state (
    facility_no       integer NOT NULL,
    item_no           integer NOT NULL,
    on_hand           bigint NOT NULL,
    usable            bigint NOT NULL,
    expiring          bigint NOT NULL,                -- of usable, good for 90 days at most
    status            text COLLATE "C" NOT NULL,
    out_since         timestamptz,
    essential         boolean NOT NULL,
    tallied_as        text COLLATE "C",               -- what the roll-ups count it as
    unit_cost_paise   bigint,
    expiring_paise    numeric NOT NULL DEFAULT 0,     -- of `expiring`, essential or not; the roll-ups add it up
    last_at           timestamptz,                    -- of its last entry
    first_at          timestamptz,                    -- of its first unreversed entry
    window_days       integer,                        -- null: no norm
    consumed          bigint NOT NULL,
    available_seconds bigint NOT NULL,                -- of the window, without stock-outs
    min_quantity      bigint,                         -- null: not rated
    max_quantity      bigint,
    PRIMARY KEY (facility_no, item_no)
) WITH (fillfactor = 70);
CREATE INDEX item_state_out ON item_state (out_since, facility_no, item_no)
    WHERE out_since IS NOT NULL AND tallied_as IS NOT NULL;
CREATE INDEX item_state_out_there ON item_state (facility_no, out_since, item_no)
    WHERE out_since IS NOT NULL AND tallied_as IS NOT NULL;
-- Where an item is out, low or over: statuses that change rarely. Not by usable > max_quantity, which
-- would be looked at with every dispense.
CREATE INDEX item_state_told ON item_state (item_no, status, facility_no)
    WHERE status IN ('out', 'low', 'over');

-- How many facilities have an item in which state, by district and by level; a row a partition, so
-- that workers never wait for each other.
CREATE TABLE item_tally (
    scope          text COLLATE "C" NOT NULL,         -- district or level
    place          text COLLATE "C" NOT NULL,
    item_no        integer NOT NULL,
    partition      integer NOT NULL,
    items_out      integer NOT NULL,
    items_low      integer NOT NULL,
    items_ok       integer NOT NULL,
    items_over     integer NOT NULL,
    items_unrated  integer NOT NULL,
    items_unknown  integer NOT NULL,
    expiring_paise numeric NOT NULL,
    PRIMARY KEY (scope, place, item_no, partition)
) WITH (fillfactor = 50);

-- Up to where the owner of a partition of events has taken changes of reference records up.
CREATE TABLE reference_taken (
    partition        integer PRIMARY KEY,
    reference_offset bigint NOT NULL                  -- the first record not taken up yet
);

-- An episode of what a rule looks for at one subject: how it stands by the facts of `alert-events`.
-- A subject's parts that it hasn't are 0 or '', so that all can be joined by equality.
CREATE TABLE alert (
    place           text COLLATE "C" NOT NULL,        -- the records' key: facility_id, or district/…
    alert_id        uuid NOT NULL,
    rule            text COLLATE "C" NOT NULL,
    facility_no     integer NOT NULL,
    district_id     text COLLATE "C" NOT NULL,
    item_no         integer NOT NULL,
    lot             text COLLATE "C" NOT NULL,
    item_class      text COLLATE "C" NOT NULL DEFAULT '',
    ordinal         integer NOT NULL,                 -- of the subject's episodes, from 1
    revision        integer NOT NULL,                 -- of what was last found
    severity        text COLLATE "C" NOT NULL,
    began_at        timestamptz NOT NULL,             -- since when it is so, by what is known
    opened_at       timestamptz NOT NULL,             -- when it was recorded first; never changes
    closed_at       timestamptz,                      -- recorded then; null: open
    acknowledged_at timestamptz,
    acknowledged_by text,
    snoozed_until   timestamptz,
    snoozed_by      text,
    evidence        jsonb NOT NULL,
    PRIMARY KEY (place, alert_id)
) WITH (fillfactor = 80);
CREATE INDEX alert_by_id ON alert (alert_id);
CREATE INDEX alert_of_subject ON alert
    (facility_no, item_no, rule, lot, district_id, item_class, ordinal);
CREATE INDEX alert_open ON alert (rule, facility_no, item_no) WHERE closed_at IS NULL;
-- What is open at a place, and what was closed lately.
CREATE INDEX alert_at ON alert (facility_no, district_id, coalesce(closed_at, 'infinity'));
CREATE INDEX alert_listed ON alert (opened_at, alert_id);

-- Every fact that counted; those of an alert in the order of `log_offset`.
CREATE TABLE alert_event (
    place       text COLLATE "C" NOT NULL,
    alert_id    uuid NOT NULL,
    event_id    uuid NOT NULL,
    type        text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,
    partition   integer NOT NULL,
    log_offset  bigint NOT NULL,
    body        jsonb NOT NULL,
    PRIMARY KEY (place, alert_id, event_id)
);
CREATE INDEX alert_event_by_alert ON alert_event (alert_id, log_offset);

-- The spans in which a lot was held at a facility: from each hold to the release or hold after it.
CREATE FUNCTION held_spans(facility integer, item integer, of_lot text) RETURNS tstzrange[] STABLE
RETURN (
    SELECT array_agg(tstzrange(occurred_at, ended_at)) FROM (
        SELECT occurred_at, is_hold,
               lead(occurred_at) OVER (ORDER BY occurred_at, event_id) AS ended_at
        FROM (
            SELECT hold.occurred_at, hold.event_id, is_hold
            FROM lot_hold AS hold JOIN event USING (facility_no, event_id)
            WHERE facility_no = facility AND item_no = item AND lot = of_lot
              AND reversed_at IS NULL
        ) AS counting
    ) AS turn WHERE is_hold AND occurred_at IS DISTINCT FROM ended_at
);

-- Whether receipts of a lot name this maker; true where none says who made it.
CREATE FUNCTION may_be_made_by(maker text, facility integer, item integer, of_lot text)
RETURNS boolean STABLE
RETURN coalesce((
    SELECT bool_or(spelling(manufacturer) = spelling(maker))
    FROM lot_manufacturer JOIN event USING (facility_no, event_id)
    WHERE facility_no = facility AND item_no = item AND lot = of_lot AND reversed_at IS NULL
), true);

-- The spans of whole days in which a lot was recalled, by the records that count on a day. The
-- record of a recall that counts on a day is the newest with valid_from before the day's end.
CREATE FUNCTION recalled_spans(facility integer, item integer, of_lot text, evaluated_on date)
RETURNS tstzrange[] STABLE
RETURN (
    SELECT array_agg(tstzrange(india_midnight(from_day), india_midnight(to_day))) FROM (
        SELECT recall_id, lot, manufacturer, lifted, item_id, from_day,
               lead(from_day) OVER (PARTITION BY recall_id ORDER BY from_day) AS to_day
        FROM (
            SELECT DISTINCT ON (recall_id, india_day(valid_from))
                   *, india_day(valid_from) AS from_day
            FROM recall_record
            WHERE recall_id IN (SELECT recall_id FROM recall_record JOIN item_number USING (item_id)
                                WHERE item_no = item)
              AND valid_from < india_midnight(evaluated_on + 1)
            ORDER BY recall_id, india_day(valid_from), valid_from DESC, log_offset DESC
        ) AS of_day
    ) AS recall
    WHERE NOT lifted AND item_id = (SELECT item_id FROM item_number WHERE item_no = item)
      AND spelling(lot) = spelling(of_lot)
      AND (manufacturer IS NULL OR may_be_made_by(manufacturer, facility, item, of_lot))
);

CREATE FUNCTION is_held(facility integer, item integer, of_lot text) RETURNS boolean STABLE
RETURN coalesce((
    SELECT is_hold FROM lot_hold AS hold JOIN event USING (facility_no, event_id)
    WHERE facility_no = facility AND item_no = item AND lot = of_lot AND reversed_at IS NULL
    ORDER BY hold.occurred_at DESC, event_id DESC LIMIT 1
), false);

CREATE FUNCTION is_recalled(facility integer, item integer, of_lot text, evaluated_on date)
RETURNS boolean STABLE
RETURN coalesce((
    SELECT bool_or(span @> india_midnight(evaluated_on))
    FROM unnest(recalled_spans(facility, item, of_lot, evaluated_on)) AS span
), false);

-- When a facility is or was closed, by the closures that count on the day `before`.
CREATE FUNCTION closed_time(facility text, district text, of_state text, after date, before date)
RETURNS tstzmultirange STABLE
RETURN coalesce((
    SELECT range_agg(tstzrange(india_midnight(first_day), india_midnight(last_day + 1)))
    FROM closure_record AS closure
    WHERE (facility_id IS NULL OR facility_id = facility)
      AND (district_id IS NULL OR district_id = district)
      AND (state IS NULL OR state = of_state)
      AND NOT withdrawn AND last_day >= after AND first_day <= before
      AND valid_from < india_midnight(before + 1)
      AND NOT EXISTS (
          SELECT FROM closure_record AS newer
          WHERE newer.closure_id = closure.closure_id
            AND newer.valid_from < india_midnight(before + 1)
            AND (newer.valid_from, newer.log_offset) > (closure.valid_from, closure.log_offset))
), '{}');

-- Days after `after` and before `before` on which a facility is open; not more than a year's.
CREATE FUNCTION open_days_between(
    after date, before date, closed_weekdays jsonb, closed tstzmultirange
) RETURNS bigint STABLE
RETURN (
    SELECT count(*)
    FROM generate_series(greatest(after + 1, before - 366)::timestamp, (before - 1)::timestamp,
                         interval '1 day') AS day
    WHERE NOT coalesce(closed_weekdays, '["sunday"]') ? to_char(day, 'FMday')
      AND NOT closed @> india_midnight(day::date)
);
