-- the read model that a rebuild is filling
-- depends: 0001-installation

-- migrate: apply
-- A rebuild that was stopped goes on with this one, if it is still the one that it would make.
CREATE TABLE dawalog.rebuild (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number        integer NOT NULL,
    definition    integer NOT NULL,
    tables_sha256 bytea NOT NULL,                     -- of the SQL that created its tables
    begun_at      timestamptz NOT NULL DEFAULT now()
);

-- migrate: rollback
DROP TABLE dawalog.rebuild;
