-- The audit log as a transparency log: an RFC 6962 tree over the leaves of audit_log,
-- of which event number seq is leaf number seq - 1.

-- Of the tree, its right edge and the newest signed checkpoint. Whoever seals holds
-- this row. A node of an older release gives numbers and grows no tree: the tree may
-- be smaller than seq, and catches up.
ALTER TABLE audit_head ADD COLUMN size BIGINT NOT NULL DEFAULT 0;   -- events in the tree
ALTER TABLE audit_head ADD COLUMN edge TEXT NOT NULL DEFAULT '';    -- its peaks, base64
ALTER TABLE audit_head ADD COLUMN checkpoint TEXT NOT NULL DEFAULT ''; -- the newest, signed; '': none, or there is no key
ALTER TABLE audit_head ADD COLUMN checkpoint_size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_head ADD COLUMN published_at BIGINT NOT NULL DEFAULT 0; -- when a checkpoint last was an event itself
ALTER TABLE audit_head ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;   -- events up to this number are not kept any more, only their leaves
ALTER TABLE audit_head ADD COLUMN confirmed BIGINT NOT NULL DEFAULT 0; -- events up to this number are known to be kept outside
ALTER TABLE audit_head ADD COLUMN broken_at BIGINT;                    -- since when sealing is refused: the log is not what was signed
ALTER TABLE audit_head ADD COLUMN broken_why TEXT NOT NULL DEFAULT '';

-- The leaf of an event that waits, as it was when it committed: what is changed before it
-- is sealed is found like what is changed later. NULL: of a node of an older release, or
-- of an event that the database wrote itself; it is computed when it is sealed.
ALTER TABLE audit_pending ADD COLUMN leaf TEXT; -- hex

-- The hashes of whole tiles: of the leaves n << level to (n + 1) << level, level being
-- 8, 16, 24 and so on. What lies between is computed.
CREATE TABLE audit_nodes (
  level BIGINT NOT NULL,
  n     BIGINT NOT NULL,
  hash  TEXT NOT NULL, -- hex
  PRIMARY KEY (level, n)
);

-- Checkpoints that are kept, with their signatures: none is more than 64 events or 10 s
-- behind the one before, while there was something to seal.
CREATE TABLE audit_checkpoints (
  size BIGINT PRIMARY KEY,
  at   BIGINT NOT NULL,
  note TEXT NOT NULL
);

-- The keys that signed, as verifier keys.
CREATE TABLE audit_keys (
  verifier   TEXT PRIMARY KEY,
  first_size BIGINT NOT NULL, -- of the first checkpoint that it signed
  first_at   BIGINT NOT NULL,
  last_size  BIGINT NOT NULL,
  last_at    BIGINT NOT NULL
);

-- The leaves of a whole tile whose events are not kept any more.
CREATE TABLE audit_tiles (
  n      BIGINT PRIMARY KEY, -- the tile of the leaves n * 256 to (n + 1) * 256
  leaves TEXT NOT NULL       -- 256 hashes, base64
);

-- Events, leaves and the tree are only ever added to: triggers refuse the rest, in
-- each database's own words. What removes events by the rules of retention says so
-- here, within its transaction.
CREATE TABLE audit_guard (
  id       BIGINT PRIMARY KEY CHECK (id = 1),
  removing BIGINT NOT NULL -- 1 within a transaction that removes; nobody else sees it
);
INSERT INTO audit_guard (id, removing) VALUES (1, 0);
