-- Requests that answer a denial of an evaluation (AuthZEN's access request
-- profile): what signs the denials, the tasks, and who is told of their end.

-- Public halves only: each node keeps its private key in memory.
CREATE TABLE signing_keys (
  kid        TEXT PRIMARY KEY,
  jwk        TEXT NOT NULL, -- JSON
  expires_at BIGINT NOT NULL
);

CREATE TABLE access_tasks (
  id            TEXT PRIMARY KEY,
  request_id    TEXT NOT NULL UNIQUE REFERENCES requests (id),
  approval_id   TEXT NOT NULL UNIQUE,
  evaluation_id TEXT NOT NULL UNIQUE, -- one task a denial
  subject       TEXT NOT NULL, -- JSON objects, as they were evaluated
  resource      TEXT NOT NULL,
  action        TEXT NOT NULL,
  client        TEXT, -- JSON object; NULL: the caller said nothing of itself
  created_at    BIGINT NOT NULL
);

CREATE TABLE access_callbacks (
  task_id    TEXT PRIMARY KEY REFERENCES access_tasks (id),
  request_id TEXT NOT NULL REFERENCES requests (id),
  endpoint   TEXT NOT NULL,
  state      TEXT, -- JSON; NULL: none
  events     TEXT NOT NULL, -- JSON array
  attempts   BIGINT NOT NULL,
  next_at    BIGINT NOT NULL, -- not before this; while an attempt is under way, when its claim ends
  outcome    TEXT -- delivered | failed | unwanted; NULL: open
);
CREATE INDEX access_callbacks_open ON access_callbacks (next_at) WHERE outcome IS NULL;
