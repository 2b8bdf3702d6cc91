-- What operators are told of: a target that does not confirm, one where access is
-- not as it should be, a source that has not told what it has for too long. A row
-- is one spell; of a key there is one that is not over at the most.
CREATE TABLE alarms (
  id          TEXT PRIMARY KEY,
  key         TEXT NOT NULL, -- "overdue:okta": the same for each spell
  kind        TEXT NOT NULL, -- overdue | drifted | sync_stale
  about       TEXT NOT NULL, -- a target, or a source
  severity    TEXT NOT NULL, -- the gravest that it had
  count       BIGINT NOT NULL,
  removals    BIGINT NOT NULL,
  oldest_at   BIGINT,        -- since when the first of what it is about is so; NULL: never was otherwise
  class       TEXT NOT NULL, -- of the newest failure; "" for none
  error       TEXT NOT NULL,
  bindings    TEXT NOT NULL, -- JSON: ids of the first few
  raised_at   BIGINT NOT NULL,
  changed_at  BIGINT NOT NULL,
  resolved_at BIGINT         -- NULL: it holds
);
CREATE UNIQUE INDEX alarms_open ON alarms (key) WHERE resolved_at IS NULL;
CREATE INDEX alarms_over ON alarms (resolved_at) WHERE resolved_at IS NOT NULL;

-- What a pager has heard of a key last: it keeps one incident for each.
CREATE TABLE pagings (
  key      TEXT PRIMARY KEY,
  alarm_id TEXT NOT NULL REFERENCES alarms (id), -- the spell that it was told of
  raised   BIGINT NOT NULL,                      -- 1: it holds its incident for open
  severity TEXT NOT NULL,                        -- that it was told
  told_at  BIGINT NOT NULL
);

-- A notice may be about an alarm. Those about single bindings that are overdue
-- are made no more; one that nobody has seen yet has its alarm instead.
ALTER TABLE notices ADD COLUMN alarm_id TEXT;
CREATE INDEX notices_alarm ON notices (alarm_id) WHERE alarm_id IS NOT NULL;
UPDATE notices SET next_at = NULL, dropped_at = wanted_at, last_error = 'its target has an alarm' WHERE kind = 'overdue' AND shown = 0;
