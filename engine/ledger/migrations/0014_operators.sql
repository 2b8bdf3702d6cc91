-- What operators look for among bindings, and do about them.

-- Nobody is asked twice at once to declare the same binding gone.
CREATE UNIQUE INDEX tasks_one_force_close ON tasks (binding_id) WHERE state = 'open' AND kind = 'force_close';

CREATE INDEX bindings_forced ON bindings (id) WHERE forced_at IS NOT NULL;
CREATE INDEX bindings_resource ON bindings (resource, id);
