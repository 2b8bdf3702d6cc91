-- Where audit events are sent: how far each sink has come in the sealed sequence, and
-- what it will never take.

CREATE TABLE sinks (
  name            TEXT PRIMARY KEY,
  seq             BIGINT NOT NULL,             -- whatever is up to here is safe there, or set aside
  claimed_by      TEXT NOT NULL DEFAULT '',    -- who sends
  claimed_until   BIGINT NOT NULL DEFAULT 0,   -- then another may
  receipt         TEXT NOT NULL DEFAULT '',    -- of what it has taken and is not known to be safe; '': there is nothing
  receipt_through BIGINT NOT NULL DEFAULT 0,   -- up to where that is
  receipt_at      BIGINT NOT NULL DEFAULT 0,
  failing_since   BIGINT,                      -- NULL: it took what it was sent last
  told            BIGINT NOT NULL DEFAULT 0,   -- 1: that it fails is an event
  misconfigured   BIGINT NOT NULL DEFAULT 0,   -- 1: it will fail until somebody mends something
  failures        BIGINT NOT NULL DEFAULT 0,   -- in a row
  last_error      TEXT NOT NULL DEFAULT '',
  next_at         BIGINT NOT NULL DEFAULT 0,   -- not before then
  lenient         BIGINT NOT NULL DEFAULT 0,   -- 1: a person wants it to go on, however much it refuses
  sent_at         BIGINT,                      -- when it last took something
  retired_at      BIGINT                       -- not configured since; NULL: it is
);

CREATE TABLE sink_set_aside (
  sink      TEXT NOT NULL REFERENCES sinks (name),
  seq       BIGINT NOT NULL,
  event_id  TEXT NOT NULL,
  reason    TEXT NOT NULL,
  at        BIGINT NOT NULL,
  retried   BIGINT NOT NULL DEFAULT 0, -- how often it was sent again, and refused
  wanted_at BIGINT,                    -- since when somebody wants it sent again
  wanted_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (sink, seq)
);
CREATE INDEX sink_set_aside_wanted ON sink_set_aside (sink, seq) WHERE wanted_at IS NOT NULL;
