-- The spine: request, decision, grant, binding, attempt, audit.
-- Times are microseconds since 1970, UTC. The text is in the subset of SQL that
-- SQLite and PostgreSQL share.

CREATE TABLE clock (
  id         BIGINT PRIMARY KEY CHECK (id = 1),
  high_water BIGINT NOT NULL -- the ledger's time never goes below this
);
INSERT INTO clock (id, high_water) VALUES (1, 0);

-- Legal changes of state; the same pairs as access.Moves.
--
--   request: pending --> approved | denied | withdrawn | lapsed
--   grant:   scheduled --> active --> ended;  scheduled --> ended
--   task:    open --> done | rejected
CREATE TABLE moves (
  object TEXT NOT NULL,
  prior  TEXT NOT NULL,
  state  TEXT NOT NULL,
  PRIMARY KEY (object, prior, state)
);
INSERT INTO moves (object, prior, state) VALUES
  ('request', 'pending', 'approved'),
  ('request', 'pending', 'denied'),
  ('request', 'pending', 'withdrawn'),
  ('request', 'pending', 'lapsed'),
  ('grant', 'scheduled', 'active'),
  ('grant', 'scheduled', 'ended'),
  ('grant', 'active', 'ended'),
  ('task', 'open', 'done'),
  ('task', 'open', 'rejected');

CREATE TABLE people (
  subject    TEXT NOT NULL,
  source     TEXT NOT NULL, -- who says so: file, token
  groups     TEXT NOT NULL, -- JSON array
  emails     TEXT NOT NULL, -- JSON array
  slack      TEXT NOT NULL,
  time_zone  TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (subject, source)
);

CREATE TABLE resources (
  resource     TEXT PRIMARY KEY, -- type:id
  source       TEXT NOT NULL,
  name         TEXT NOT NULL,
  properties   TEXT NOT NULL, -- JSON object
  entitlements TEXT NOT NULL, -- JSON array
  updated_at   BIGINT NOT NULL,
  archived_at  BIGINT
);
CREATE INDEX resources_source ON resources (source);

CREATE TABLE decisions (
  id         TEXT PRIMARY KEY,
  phase      TEXT NOT NULL,
  effect     TEXT NOT NULL,
  revision   TEXT NOT NULL,
  input      TEXT NOT NULL, -- JSON: all that policy saw
  output     TEXT NOT NULL, -- JSON: all that it answered
  decided_at BIGINT NOT NULL
);

CREATE TABLE requests (
  id          TEXT PRIMARY KEY,
  subject     TEXT NOT NULL,
  requester   TEXT NOT NULL,
  action      TEXT NOT NULL,
  resource    TEXT NOT NULL,
  for_seconds BIGINT,
  while_bound TEXT,
  starts_at   BIGINT,
  reason      TEXT NOT NULL,
  emergency   BIGINT NOT NULL,
  channel     TEXT NOT NULL,
  decision_id TEXT NOT NULL REFERENCES decisions (id),
  lapses_at   BIGINT,
  created_at  BIGINT NOT NULL,
  closed_at   BIGINT,
  object      TEXT NOT NULL DEFAULT 'request' CHECK (object = 'request'),
  prior_state TEXT,
  state       TEXT NOT NULL,
  CHECK (prior_state IS NOT NULL OR state = 'pending'),
  CHECK ((lapses_at IS NOT NULL) = (state = 'pending')),
  CHECK ((for_seconds IS NULL) <> (while_bound IS NULL)),
  FOREIGN KEY (object, prior_state, state) REFERENCES moves (object, prior, state)
);
CREATE INDEX requests_lapsing ON requests (lapses_at) WHERE state = 'pending';
CREATE INDEX requests_pending ON requests (id) WHERE state = 'pending';
CREATE INDEX requests_subject ON requests (subject, id);
CREATE INDEX requests_requester ON requests (requester, id);

-- Who may answer a pending request: "group:security" or "user:bob@example.com".
CREATE TABLE request_reviewers (
  request_id TEXT NOT NULL REFERENCES requests (id),
  principal  TEXT NOT NULL,
  PRIMARY KEY (request_id, principal)
);
CREATE INDEX request_reviewers_principal ON request_reviewers (principal, request_id);

CREATE TABLE reviews (
  request_id  TEXT NOT NULL REFERENCES requests (id),
  reviewer    TEXT NOT NULL,
  verdict     TEXT NOT NULL CHECK (verdict IN ('approve', 'deny')),
  comment     TEXT NOT NULL,
  for_seconds BIGINT,
  decision_id TEXT NOT NULL REFERENCES decisions (id),
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (request_id, reviewer)
);

-- A subject with an entitlement at a target. desired follows the grants on it;
-- observed is what the target confirmed.
CREATE TABLE bindings (
  id           TEXT PRIMARY KEY,
  subject      TEXT NOT NULL,
  action       TEXT NOT NULL,
  resource     TEXT NOT NULL,
  target       TEXT NOT NULL,
  contract     TEXT NOT NULL,
  desired      TEXT NOT NULL CHECK (desired IN ('absent', 'present')),
  observed     TEXT NOT NULL CHECK (observed IN ('absent', 'present', 'unknown')),
  version      BIGINT NOT NULL, -- bumped first by whoever changes its grants: the lock
  generation   BIGINT NOT NULL, -- deliveries decided: a fencing token
  attempts     BIGINT NOT NULL, -- claimed at this generation
  next_at      BIGINT,          -- when the next attempt is due; while one is under way, when its claim lapses
  claim        TEXT,            -- who holds the attempt under way
  due_at       BIGINT,          -- since when desired and observed differ
  end_reason   TEXT,            -- of the grant that ended last
  last_class   TEXT,
  last_error   TEXT NOT NULL,
  confirmed_at BIGINT,
  reported_at  BIGINT,          -- when a failed attempt was last an audit event
  alerted_at   BIGINT,          -- when its being overdue was said
  -- Until when an attempt that was not confirmed may still take effect.
  provision_open_until   BIGINT NOT NULL,
  deprovision_open_until BIGINT NOT NULL,
  UNIQUE (subject, action, resource, target, contract)
);
CREATE INDEX bindings_due ON bindings (contract, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX bindings_claimed ON bindings (id) WHERE claim IS NOT NULL;
CREATE INDEX bindings_wrong ON bindings (due_at) WHERE due_at IS NOT NULL AND alerted_at IS NULL;
CREATE INDEX bindings_needing ON bindings (target, contract)
  WHERE next_at IS NOT NULL OR desired = 'present' OR observed <> 'absent';

CREATE TABLE grants (
  id          TEXT PRIMARY KEY,
  request_id  TEXT NOT NULL UNIQUE REFERENCES requests (id),
  binding_id  TEXT NOT NULL REFERENCES bindings (id),
  subject     TEXT NOT NULL,
  action      TEXT NOT NULL,
  resource    TEXT NOT NULL,
  while_bound TEXT,
  starts_at   BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  decision_id TEXT NOT NULL REFERENCES decisions (id),
  created_at  BIGINT NOT NULL,
  ended_at    BIGINT,
  end_reason  TEXT,
  object      TEXT NOT NULL DEFAULT 'grant' CHECK (object = 'grant'),
  prior_state TEXT,
  state       TEXT NOT NULL,
  CHECK (prior_state IS NOT NULL OR state = 'scheduled'),
  CHECK ((end_reason IS NOT NULL) = (state = 'ended')),
  CHECK (starts_at < expires_at),
  FOREIGN KEY (object, prior_state, state) REFERENCES moves (object, prior, state)
);
CREATE INDEX grants_ending ON grants (expires_at) WHERE state <> 'ended';
CREATE INDEX grants_starting ON grants (starts_at) WHERE state = 'scheduled';
CREATE INDEX grants_on_binding ON grants (binding_id) WHERE state = 'active';
CREATE INDEX grants_held ON grants (subject, id) WHERE state = 'active';
CREATE INDEX grants_subject ON grants (subject, id);
CREATE INDEX grants_resource ON grants (resource) WHERE state <> 'ended';

CREATE TABLE attempts (
  binding_id  TEXT NOT NULL REFERENCES bindings (id),
  generation  BIGINT NOT NULL,
  attempt     BIGINT NOT NULL,
  verb        TEXT NOT NULL,
  claim       TEXT NOT NULL,
  started_at  BIGINT NOT NULL,
  finished_at BIGINT,
  class       TEXT, -- null while under way, or when the gateway died
  status      BIGINT,
  detail      TEXT NOT NULL,
  PRIMARY KEY (binding_id, generation, attempt)
);

CREATE TABLE tasks (
  id          TEXT PRIMARY KEY,
  kind        TEXT NOT NULL,
  request_id  TEXT REFERENCES requests (id),
  grant_id    TEXT REFERENCES grants (id),
  binding_id  TEXT REFERENCES bindings (id),
  opened_by   TEXT NOT NULL,
  reason      TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  closed_by   TEXT,
  closed_at   BIGINT,
  object      TEXT NOT NULL DEFAULT 'task' CHECK (object = 'task'),
  prior_state TEXT,
  state       TEXT NOT NULL,
  CHECK (prior_state IS NOT NULL OR state = 'open'),
  CHECK (closed_by IS NULL OR closed_by <> opened_by),
  FOREIGN KEY (object, prior_state, state) REFERENCES moves (object, prior, state)
);

CREATE TABLE idempotency_keys (
  caller     TEXT NOT NULL,
  route      TEXT NOT NULL,
  key        TEXT NOT NULL,
  body_hash  TEXT NOT NULL,
  answer     TEXT NOT NULL, -- JSON
  created_at BIGINT NOT NULL,
  PRIMARY KEY (caller, route, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- An event's body is RFC 8785 JSON: the bytes that are hashed. It is pending
-- until it is sealed: given its place in the one sequence that readers follow.
CREATE TABLE audit_events (
  id         TEXT PRIMARY KEY,
  type       TEXT NOT NULL,
  at         BIGINT NOT NULL,
  subject    TEXT,
  resource   TEXT,
  actor      TEXT,
  request_id TEXT,
  grant_id   TEXT,
  binding_id TEXT,
  body       TEXT NOT NULL
);
CREATE INDEX audit_events_request ON audit_events (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX audit_events_grant ON audit_events (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX audit_events_binding ON audit_events (binding_id) WHERE binding_id IS NOT NULL;
CREATE INDEX audit_events_subject ON audit_events (subject) WHERE subject IS NOT NULL;
CREATE INDEX audit_events_resource ON audit_events (resource) WHERE resource IS NOT NULL;
CREATE TABLE audit_pending (
  at       BIGINT NOT NULL,
  n        BIGINT NOT NULL, -- order within its transaction
  event_id TEXT NOT NULL,   -- of audit_events, written in the same transaction
  PRIMARY KEY (at, n, event_id)
);
CREATE TABLE audit_head (
  id  BIGINT PRIMARY KEY CHECK (id = 1),
  seq BIGINT NOT NULL -- the last number given: whoever seals holds this row
);
INSERT INTO audit_head (id, seq) VALUES (1, 0);
CREATE TABLE audit_log (
  seq      BIGINT PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE REFERENCES audit_events (id),
  leaf     TEXT NOT NULL -- RFC 6962 leaf hash of the body, hex
);
