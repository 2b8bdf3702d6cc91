-- Grants that last as long as a shift or an incident: what they are bound to.

ALTER TABLE grants ADD COLUMN bound TEXT;       -- JSON: access.Until; NULL: the end does not move
ALTER TABLE grants ADD COLUMN ends_by BIGINT;   -- the cap of a bound grant
ALTER TABLE grants ADD COLUMN next_shift BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN facts_at BIGINT NOT NULL DEFAULT 0; -- of the facts that moved it last
ALTER TABLE grants ADD COLUMN over_as TEXT;     -- why it ends when its time is over; NULL: expired
CREATE INDEX grants_bound ON grants (while_bound, id) WHERE bound IS NOT NULL AND state <> 'ended';

ALTER TABLE requests ADD COLUMN next_shift BIGINT NOT NULL DEFAULT 0;
