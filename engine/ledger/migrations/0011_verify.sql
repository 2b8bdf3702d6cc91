-- What targets say, asked whether bindings exist there. One row for each binding of
-- which a target was ever told, at a target that is asked. Those that are to be asked
-- next are the beginning of an index, so that neither a claim nor the oldest question
-- costs what there are bindings.

CREATE TABLE verifications (
  binding_id    TEXT PRIMARY KEY REFERENCES bindings (id),
  contract      TEXT NOT NULL,   -- the binding's, which never changes
  next_at       BIGINT NOT NULL, -- when it is asked; while it is being asked, when the claim lapses
  claim         TEXT,            -- who asks; NULL: nobody
  answer        TEXT NOT NULL CHECK (answer IN ('absent', 'present', 'unknown')),
  answered_at   BIGINT,
  verified_at   BIGINT,          -- when the answer was last what is desired
  drifted_since BIGINT,          -- since when it is not; NULL: it is
  repairs       BIGINT NOT NULL, -- in this spell of drift
  failures      BIGINT NOT NULL, -- in a row: it did not answer
  last_error    TEXT NOT NULL
);
CREATE INDEX verifications_due ON verifications (contract, next_at);
CREATE INDEX verifications_drifted ON verifications (binding_id) WHERE drifted_since IS NOT NULL;
