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
CREATE INDEX transfer_line_to ON transfer_line (to_facility_id);
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

-- When a facility was last heard of.
CREATE TABLE facility_activity (
    facility_no      integer PRIMARY KEY,
    last_recorded_at timestamptz NOT NULL,
    ahead            interval NOT NULL DEFAULT '0'    -- by how much occurred_at was after recorded_at
                                                      -- at most: what was known at t occurred by
                                                      -- t + ahead
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

-- What changed since an offset.
CREATE INDEX facility_record_offset ON facility_record (log_offset);
CREATE INDEX item_record_offset ON item_record (log_offset);
CREATE INDEX district_record_offset ON district_record (log_offset);
CREATE INDEX recall_record_offset ON recall_record (log_offset);
CREATE INDEX norm_record_offset ON norm_record (log_offset);
CREATE INDEX closure_record_offset ON closure_record (log_offset);

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
