-- The revision of the policies that is active for all nodes.
CREATE TABLE policy_active (
  id           BIGINT PRIMARY KEY CHECK (id = 1),
  revision     TEXT NOT NULL, -- '' before the first
  bundle       TEXT NOT NULL, -- what the author of the bundle calls it; '' without one
  source       TEXT NOT NULL,
  activated_at BIGINT NOT NULL
);
INSERT INTO policy_active (id, revision, bundle, source, activated_at) VALUES (1, '', '', '', 0);
