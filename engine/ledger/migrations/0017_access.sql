-- Who had access at a time, and until when it could be used.

-- Until when what a grant gave could be used at its target: until the grant ended, or
-- until the target confirmed that it is gone. NULL: that is not known yet.
ALTER TABLE grants ADD COLUMN until_at BIGINT;

-- How long that was, as a step of a ladder whose rungs are four times as long each:
-- one that lasted no longer than 64 s is 0, than 256 s 1, and so on. -1: it never gave
-- access. NULL: as of until_at. What lasted over a time is then, for each span, among
-- those that began shortly before it. A grant is given both once its removal is
-- settled, also those that ended before there were these columns.
ALTER TABLE grants ADD COLUMN span BIGINT;

CREATE INDEX grants_span ON grants (span, starts_at, id, until_at) WHERE span IS NOT NULL;
CREATE INDEX grants_span_subject ON grants (subject, span, starts_at, id, until_at) WHERE span IS NOT NULL;
CREATE INDEX grants_span_resource ON grants (resource, span, starts_at, id, until_at) WHERE span IS NOT NULL;
CREATE INDEX grants_begun ON grants (starts_at, id) WHERE state = 'active';
CREATE INDEX grants_unsettled ON grants (ended_at) WHERE state = 'ended' AND span IS NULL;

-- What happened to a binding around a time.
DROP INDEX audit_events_binding;
CREATE INDEX audit_events_binding ON audit_events (binding_id, at) WHERE binding_id IS NOT NULL;
