-- Live grants that are to be evaluated again, and tasks about them.

ALTER TABLE tasks ADD COLUMN data TEXT;     -- JSON: what the task is about beside its grant
ALTER TABLE tasks ADD COLUMN comment TEXT;  -- of whoever closed it
CREATE INDEX tasks_open ON tasks (kind, id) WHERE state = 'open';
CREATE UNIQUE INDEX tasks_one_flag ON tasks (grant_id) WHERE state = 'open' AND kind = 'flag';

-- One row for each grant, cause and source. It goes when the grant was evaluated, unless
-- the cause came again meanwhile.
CREATE TABLE rechecks (
  grant_id TEXT NOT NULL REFERENCES grants (id),
  cause    TEXT NOT NULL,   -- oncall | incidents | groups | resource | policy
  since    BIGINT NOT NULL, -- when what it depends on changed; grows with every change
  source   TEXT NOT NULL,   -- of the facts that changed; '' for none
  facts_at BIGINT NOT NULL, -- of the source: older facts are not evaluated
  failures BIGINT NOT NULL,
  next_at  BIGINT NOT NULL, -- not before this
  PRIMARY KEY (grant_id, cause, source)
);
CREATE INDEX rechecks_next ON rechecks (next_at);

-- All live grants under a revision of the policies. Each stage goes on where a
-- process that died left it.
--
--   listing --> judging --> ending --> done;  judging --> waiting --> ending | done
CREATE TABLE policy_recheck (
  id       BIGINT PRIMARY KEY CHECK (id = 1),
  revision TEXT NOT NULL,
  stage    TEXT NOT NULL,
  after    TEXT NOT NULL -- listing: the last grant that was listed
);
INSERT INTO policy_recheck (id, revision, stage, after) VALUES (1, '', 'done', '');
CREATE TABLE policy_verdicts (
  grant_id TEXT PRIMARY KEY REFERENCES grants (id),
  verdict  TEXT NOT NULL,  -- end | flag | keep; '': not evaluated yet
  failures BIGINT NOT NULL,
  next_at  BIGINT NOT NULL
);
CREATE INDEX policy_verdicts_next ON policy_verdicts (verdict, next_at);
