-- The decision log: decisions that changed nothing, many in a row.

CREATE TABLE decision_chunks (
  id       TEXT PRIMARY KEY,
  first_id TEXT NOT NULL,   -- the least and the greatest id of its decisions
  last_id  TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at  BIGINT NOT NULL,
  node     TEXT NOT NULL,   -- that decided
  count    BIGINT NOT NULL,
  body     BYTEA NOT NULL   -- the events, a line each, compressed with Zstandard
);
CREATE INDEX decision_chunks_ids ON decision_chunks (first_id, last_id, id);
CREATE INDEX decision_chunks_last ON decision_chunks (last_at);

-- How long policy took, of decisions that led to a request.
ALTER TABLE decisions ADD COLUMN took_us BIGINT NOT NULL DEFAULT 0;
