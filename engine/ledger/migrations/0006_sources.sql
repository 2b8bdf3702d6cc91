-- What sources of facts said last, shared by all nodes, and what outside systems
-- told by themselves.

CREATE TABLE snapshots (
  source       TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  fetched_at   BIGINT NOT NULL DEFAULT 0,  -- when it was asked; 0: it never answered
  changed_at   BIGINT NOT NULL DEFAULT 0,  -- when it was asked and its body changed
  until_at     BIGINT NOT NULL DEFAULT 0,  -- how far ahead it knows; 0: that is not said
  digest       TEXT NOT NULL DEFAULT '',   -- of the body
  faults       TEXT NOT NULL DEFAULT '[]', -- JSON: what of it could not be used, as in its body
  failed_since BIGINT,                     -- NULL: the last time it was asked it answered
  error        TEXT NOT NULL DEFAULT '',   -- of the last time; '' when it answered
  told_at      BIGINT,                     -- when it was alerted that its facts are too old; NULL: they are not
  poked_at     BIGINT NOT NULL DEFAULT 0,  -- when a node last wanted it to be asked soon, of whoever asks
  -- Compressed JSON, without the times that move when nothing else does; NULL: it
  -- never answered. It is the last, so that nobody who wants the rest reads it.
  body         BYTEA
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
CREATE INDEX inbound_events_object ON inbound_events (object, type);
