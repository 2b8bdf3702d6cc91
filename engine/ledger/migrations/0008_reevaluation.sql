-- Live grants that are to be evaluated again, and tasks about them.

ALTER TABLE tasks ADD COLUMN data TEXT;     -- JSON: what the task is about beside its grant
ALTER TABLE tasks ADD COLUMN comment TEXT;  -- of whoever closed it
CREATE INDEX tasks_open ON tasks (kind, id) WHERE state = 'open';
CREATE UNIQUE INDEX tasks_one_flag ON tasks (grant_id) WHERE state = 'open' AND kind = 'flag';

CREATE TABLE rechecks (
  grant_id TEXT PRIMARY KEY REFERENCES grants (id),
  cause    TEXT NOT NULL,   -- facts | resource | policy
  since    BIGINT NOT NULL, -- when what it depends on changed
  next_at  BIGINT NOT NULL  -- not before this: an earlier try failed
);
CREATE INDEX rechecks_next ON rechecks (next_at);
