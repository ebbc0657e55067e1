-- installation and live model
-- depends:

-- migrate: apply
CREATE SCHEMA IF NOT EXISTS dawalog;

-- The one log that this database projects. Another cluster's log is refused.
CREATE TABLE dawalog.installation (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    cluster_id text NOT NULL
);

-- The numbered read model that answers reads and takes projections (schema model_<number>).
CREATE TABLE dawalog.live_model (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number     integer NOT NULL,
    definition integer NOT NULL
);

-- migrate: rollback
DROP SCHEMA dawalog CASCADE;
