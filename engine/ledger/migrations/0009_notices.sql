-- What people are told. A notice is planned from an audit event, in the order of
-- the sealed sequence, and shown by a messenger; what is shown follows what it is
-- about. Nothing that gives or ends access waits for it.

CREATE TABLE notices (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  event_id   TEXT NOT NULL,
  recipient  TEXT NOT NULL, -- "user:bob@example.com" or a channel
  request_id TEXT,
  grant_id   TEXT,
  binding_id TEXT,
  task_id    TEXT,
  created_at BIGINT NOT NULL, -- as the event
  until      BIGINT,          -- of no use from then on, unless it was shown
  version    BIGINT NOT NULL, -- counts what there was to show
  shown      BIGINT NOT NULL, -- the version that is shown; 0: none
  place      TEXT NOT NULL,   -- JSON: where; "" as long as nowhere
  shown_at   BIGINT,          -- first
  next_at    BIGINT,          -- when it is to be shown, or changed; NULL: nothing to do
  wanted_at  BIGINT NOT NULL, -- since when there is something to show, while next_at is set
  urgent     BIGINT NOT NULL, -- 1: somebody waits for its reader, who has not seen it; it goes before the rest
  attempts   BIGINT NOT NULL, -- that failed, since it was last shown
  last_error TEXT NOT NULL,
  dropped_at BIGINT,          -- given up, and last_error says why
  UNIQUE (event_id, kind, recipient)
);
CREATE INDEX notices_waiting ON notices (recipient, next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX notices_urgent ON notices (recipient, next_at, id) WHERE next_at IS NOT NULL AND urgent = 1;
CREATE INDEX notices_by_age ON notices (created_at, id);
CREATE INDEX notices_request ON notices (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX notices_grant ON notices (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX notices_task ON notices (task_id) WHERE task_id IS NOT NULL;

-- What waits for one reader is shown one after the other. Whoever shows, plans or
-- changes notices holds the rows of their readers first.
CREATE TABLE notice_lanes (
  recipient  TEXT PRIMARY KEY,
  next_at    BIGINT,          -- the soonest of its notices; NULL: nothing waits
  urgent_at  BIGINT,          -- the soonest of those that are urgent
  free_at    BIGINT NOT NULL, -- not before then: it is claimed, or its messenger asked for a rest
  claimed_by TEXT NOT NULL    -- "": by nobody
);
CREATE INDEX notice_lanes_due ON notice_lanes (next_at, recipient) WHERE next_at IS NOT NULL;
CREATE INDEX notice_lanes_urgent ON notice_lanes (urgent_at, recipient) WHERE urgent_at IS NOT NULL;

-- How far a follower of the sealed sequence has come.
CREATE TABLE followers (
  name TEXT PRIMARY KEY,
  seq  BIGINT NOT NULL
);

-- When the reviewers of a pending request are asked again, and others too. One
-- that waits already is asked about again at once.
ALTER TABLE requests ADD COLUMN remind_at BIGINT;    -- NULL: not any more
ALTER TABLE requests ADD COLUMN reminded BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN escalate_at BIGINT;  -- NULL: never, or it has been
ALTER TABLE requests ADD COLUMN escalated_at BIGINT; -- since when its escalation's people are reviewers
UPDATE requests SET remind_at = created_at + 900000000 WHERE state = 'pending' AND created_at + 900000000 < lapses_at;
CREATE INDEX requests_remind ON requests (remind_at) WHERE state = 'pending' AND remind_at IS NOT NULL;
CREATE INDEX requests_escalate ON requests (escalate_at) WHERE state = 'pending' AND escalate_at IS NOT NULL;

-- The end that a holder was told of: another is told of again. The index is by
-- when it is to be told, as access.Grant.EndingAt has it, of those that were not:
-- nearly all live grants are in it, and those that are due are its beginning.
ALTER TABLE grants ADD COLUMN ending_told BIGINT;
CREATE INDEX grants_to_tell ON grants (
    (CASE WHEN expires_at - starts_at < 2400000000 THEN expires_at - (expires_at - starts_at) / 4 ELSE expires_at - 600000000 END), id)
  WHERE state = 'active' AND expires_at - starts_at >= 120000000 AND (ending_told IS NULL OR ending_told <> expires_at);

-- When somebody is asked again to look at what was used before anybody did.
ALTER TABLE tasks ADD COLUMN remind_at BIGINT;
UPDATE tasks SET remind_at = created_at + 86400000000 WHERE kind = 'after_review' AND state = 'open';
CREATE INDEX tasks_remind ON tasks (remind_at) WHERE state = 'open' AND remind_at IS NOT NULL;

-- What a resource is found by: its name and its type:id, each on a line of its own,
-- in lower case. One that was stored before is folded here as far as the database
-- can, and wholly when its source says the next time that it is still so.
ALTER TABLE resources ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE resources SET search = lower('
' || name || '
' || resource);

-- Whose account is this?
CREATE INDEX people_slack ON people (slack) WHERE slack <> '';
