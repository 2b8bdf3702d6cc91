-- Catalogues that sources bring: what was read and is not in force yet, what it
-- would change, and how each run ended.

-- One row: whoever changes the catalogue holds it, so that what was compared
-- outside of that transaction is known to be as it was.
CREATE TABLE catalogue (
  id      BIGINT PRIMARY KEY CHECK (id = 1),
  version BIGINT NOT NULL -- grows with each change
);
INSERT INTO catalogue (id, version) VALUES (1, 0);

CREATE TABLE sync_sources (
  source      TEXT PRIMARY KEY,
  declared_at BIGINT NOT NULL, -- since when its snapshots are expected, if they are
  synced_at   BIGINT           -- the newest that was applied; NULL: none that is known of
);
INSERT INTO sync_sources (source, declared_at)
SELECT source, MAX(updated_at) FROM resources GROUP BY source;

CREATE TABLE sync_runs (
  id           TEXT PRIMARY KEY,
  source       TEXT NOT NULL,
  outcome      TEXT,            -- applied | refused | dry_run; NULL: under way
  actor        TEXT NOT NULL,   -- '': the gateway itself
  started_at   BIGINT NOT NULL,
  finished_at  BIGINT,
  received     BIGINT NOT NULL DEFAULT 0,
  created      BIGINT NOT NULL DEFAULT 0,
  updated      BIGINT NOT NULL DEFAULT 0,
  unchanged    BIGINT NOT NULL DEFAULT 0,
  archived     BIGINT NOT NULL DEFAULT 0,
  skipped      BIGINT NOT NULL DEFAULT 0,
  grants_ended BIGINT NOT NULL DEFAULT 0,
  code         TEXT NOT NULL DEFAULT '', -- why it was refused
  detail       TEXT NOT NULL DEFAULT '',
  errors       TEXT NOT NULL DEFAULT '[]', -- JSON: the first
  error_count  BIGINT NOT NULL DEFAULT 0,
  staged       BIGINT NOT NULL DEFAULT 1 -- 0: no rows of it are left below
);
CREATE INDEX sync_runs_source ON sync_runs (source, id);
CREATE INDEX sync_runs_staged ON sync_runs (id) WHERE staged = 1;

-- What a run has read. A resource whose item has faults is there without its
-- facts: it is known to be in the snapshot, and stays as it is.
CREATE TABLE sync_staged (
  run_id       TEXT NOT NULL,
  resource     TEXT NOT NULL,
  line         BIGINT NOT NULL, -- of the body, where the item begins
  item         BIGINT NOT NULL, -- its number
  name         TEXT, -- NULL, and so are those behind it: it has faults
  properties   TEXT,
  entitlements TEXT,
  search       TEXT,
  PRIMARY KEY (run_id, resource)
);

-- How the catalogue is to change for what a run has read to be in force.
CREATE TABLE sync_changes (
  run_id   TEXT NOT NULL,
  resource TEXT NOT NULL,
  change   TEXT NOT NULL, -- created | updated | archived | found: only what it is found by differs
  PRIMARY KEY (run_id, resource)
);

-- The events of these changes, rendered but for the time of the transaction that
-- makes them: that one should be short.
CREATE TABLE sync_events (
  run_id   TEXT NOT NULL,
  n        BIGINT NOT NULL, -- order within the run
  event_id TEXT NOT NULL,
  type     TEXT NOT NULL,
  resource TEXT NOT NULL,
  actor    TEXT,
  before   TEXT NOT NULL, -- of its time, in its body
  behind   TEXT NOT NULL,
  PRIMARY KEY (run_id, n)
);

-- What a source has in the catalogue is counted and compared by this index alone.
DROP INDEX resources_source;
CREATE INDEX resources_alive ON resources (source, resource, archived_at) WHERE archived_at IS NULL;
