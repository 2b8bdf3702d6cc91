-- The lease's store, and what it may not have been told yet.

-- The life of the lease's store that keys are written for.
CREATE TABLE lease_epoch (
  id     BIGINT PRIMARY KEY CHECK (id = 1),
  number BIGINT NOT NULL,
  server TEXT NOT NULL, -- the store's identity; '' before the first
  since  BIGINT NOT NULL
);
INSERT INTO lease_epoch (id, number, server, since) VALUES (1, 0, '', 0);

-- Bindings that a grant was taken from before its time, until the lease is known
-- to say so: checks of them ask the ledger.
CREATE TABLE lease_unsaid (
  binding_id TEXT PRIMARY KEY REFERENCES bindings (id),
  version    BIGINT NOT NULL, -- of the binding when it was noted last
  keep_until BIGINT NOT NULL  -- the latest end that the lease may still hold
);

-- What a lease is rebuilt from and held against.
CREATE INDEX grants_active ON grants (id) WHERE state = 'active';

-- What one node at a time does for all.
CREATE TABLE duties (
  name  TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  until BIGINT NOT NULL
);
