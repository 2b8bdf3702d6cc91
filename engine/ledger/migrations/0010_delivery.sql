-- Targets that confirm later, by a callback; targets that are told when an end
-- moves; bindings that a person declared gone.

ALTER TABLE bindings ADD COLUMN callback_by BIGINT; -- the target accepted; until when its word is waited for
ALTER TABLE bindings ADD COLUMN told_until BIGINT;  -- the deadline that the newest message named; NULL: none
ALTER TABLE bindings ADD COLUMN renewing BIGINT NOT NULL DEFAULT 0; -- 1: this generation tells of a deadline that moved, and of nothing else
ALTER TABLE bindings ADD COLUMN forced_at BIGINT;   -- declared gone without the target's word; NULL: its word counts

ALTER TABLE attempts ADD COLUMN callback_hash TEXT; -- SHA-256 of the one-use token, hex; NULL: the response confirms
ALTER TABLE attempts ADD COLUMN called_back TEXT;   -- done | failed; NULL: the token was not used
ALTER TABLE attempts ADD COLUMN called_at BIGINT;   -- when the token was used
ALTER TABLE attempts ADD COLUMN called_late BIGINT NOT NULL DEFAULT 0; -- 1: another generation was current by then
ALTER TABLE attempts ADD COLUMN open_before BIGINT NOT NULL DEFAULT 0; -- until when what came before the word could take effect; 0: not

-- A token is looked for by whoever has nothing but it.
CREATE UNIQUE INDEX attempts_callback ON attempts (callback_hash) WHERE callback_hash IS NOT NULL;

-- What a target in trouble is tried with: a removal that was never tried.
CREATE INDEX bindings_untried ON bindings (contract, next_at) WHERE next_at IS NOT NULL AND attempts = 0 AND desired = 'absent';
