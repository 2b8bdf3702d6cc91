-- What sources of facts said last, shared by all nodes, and what outside systems
-- told by themselves.

CREATE TABLE snapshots (
  source       TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  fetched_at   BIGINT NOT NULL, -- when it was asked; 0: it never answered
  changed_at   BIGINT NOT NULL, -- when it was asked and its body changed
  digest       TEXT NOT NULL,   -- of the body without its time
  body         BYTEA,           -- compressed JSON; NULL: it never answered
  failed_since BIGINT,          -- NULL: the last time it was asked it answered
  error        TEXT NOT NULL,   -- of the last time; '' when it answered
  told_at      BIGINT           -- when it was alerted that its facts are too old; NULL: they are not
);

-- Ids of signed inbound events, so that one that is repeated has one effect.
CREATE TABLE inbound_events (
  source      TEXT NOT NULL,
  id          TEXT NOT NULL,
  type        TEXT NOT NULL,
  object      TEXT NOT NULL, -- what it is about, such as an incident's id
  occurred_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (source, id)
);
CREATE INDEX inbound_events_received ON inbound_events (received_at);
