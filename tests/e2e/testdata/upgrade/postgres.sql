SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.access_callbacks (
    task_id text NOT NULL,
    request_id text NOT NULL,
    endpoint text NOT NULL,
    state text,
    events text NOT NULL,
    attempts bigint NOT NULL,
    next_at bigint NOT NULL,
    outcome text
);
CREATE TABLE public.access_tasks (
    id text NOT NULL,
    request_id text NOT NULL,
    approval_id text NOT NULL,
    evaluation_id text NOT NULL,
    subject text NOT NULL,
    resource text NOT NULL,
    action text NOT NULL,
    client text,
    created_at bigint NOT NULL
);
CREATE TABLE public.alarms (
    id text NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    about text NOT NULL,
    severity text NOT NULL,
    count bigint NOT NULL,
    removals bigint NOT NULL,
    oldest_at bigint,
    class text NOT NULL,
    error text NOT NULL,
    bindings text NOT NULL,
    raised_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    resolved_at bigint
);
CREATE TABLE public.attempts (
    binding_id text NOT NULL,
    generation bigint NOT NULL,
    attempt bigint NOT NULL,
    verb text NOT NULL,
    claim text NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint,
    class text,
    status bigint,
    detail text NOT NULL,
    callback_hash text,
    called_back text,
    called_at bigint,
    called_late bigint DEFAULT 0 NOT NULL,
    open_before bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.audit_events (
    id text NOT NULL,
    type text NOT NULL,
    at bigint NOT NULL,
    subject text,
    resource text,
    actor text,
    request_id text,
    grant_id text,
    binding_id text,
    body text NOT NULL
);
CREATE TABLE public.audit_head (
    id bigint NOT NULL,
    seq bigint NOT NULL,
    CONSTRAINT audit_head_id_check CHECK ((id = 1))
);
CREATE TABLE public.audit_log (
    seq bigint NOT NULL,
    event_id text NOT NULL,
    leaf text NOT NULL
);
CREATE TABLE public.audit_pending (
    at bigint NOT NULL,
    n bigint NOT NULL,
    event_id text NOT NULL
);
CREATE TABLE public.bindings (
    id text NOT NULL,
    subject text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL,
    target text NOT NULL,
    contract text NOT NULL,
    desired text NOT NULL,
    observed text NOT NULL,
    version bigint NOT NULL,
    generation bigint NOT NULL,
    attempts bigint NOT NULL,
    next_at bigint,
    claim text,
    due_at bigint,
    end_reason text,
    last_class text,
    last_error text NOT NULL,
    confirmed_at bigint,
    reported_at bigint,
    alerted_at bigint,
    provision_open_until bigint NOT NULL,
    deprovision_open_until bigint NOT NULL,
    callback_by bigint,
    told_until bigint,
    renewing bigint DEFAULT 0 NOT NULL,
    forced_at bigint,
    CONSTRAINT bindings_desired_check CHECK ((desired = ANY (ARRAY['absent'::text, 'present'::text]))),
    CONSTRAINT bindings_observed_check CHECK ((observed = ANY (ARRAY['absent'::text, 'present'::text, 'unknown'::text])))
);
CREATE TABLE public.catalogue (
    id bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT catalogue_id_check CHECK ((id = 1))
);
CREATE TABLE public.clock (
    id bigint NOT NULL,
    high_water bigint NOT NULL,
    CONSTRAINT clock_id_check CHECK ((id = 1))
);
CREATE TABLE public.decision_chunks (
    id text NOT NULL,
    first_id text NOT NULL,
    last_id text NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    node text NOT NULL,
    count bigint NOT NULL,
    body bytea NOT NULL
);
CREATE TABLE public.decisions (
    id text NOT NULL,
    phase text NOT NULL,
    effect text NOT NULL,
    revision text NOT NULL,
    input text NOT NULL,
    output text NOT NULL,
    decided_at bigint NOT NULL,
    took_us bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.duties (
    name text NOT NULL,
    owner text NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.followers (
    name text NOT NULL,
    seq bigint NOT NULL
);
CREATE TABLE public.grants (
    id text NOT NULL,
    request_id text NOT NULL,
    binding_id text NOT NULL,
    subject text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL,
    while_bound text,
    starts_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    decision_id text NOT NULL,
    created_at bigint NOT NULL,
    ended_at bigint,
    end_reason text,
    object text DEFAULT 'grant'::text NOT NULL,
    prior_state text,
    state text NOT NULL,
    bound text,
    ends_by bigint,
    next_shift bigint DEFAULT 0 NOT NULL,
    facts_at bigint DEFAULT 0 NOT NULL,
    over_as text,
    ending_told bigint,
    CONSTRAINT grants_check CHECK (((prior_state IS NOT NULL) OR (state = 'scheduled'::text))),
    CONSTRAINT grants_check1 CHECK (((end_reason IS NOT NULL) = (state = 'ended'::text))),
    CONSTRAINT grants_check2 CHECK ((starts_at < expires_at)),
    CONSTRAINT grants_object_check CHECK ((object = 'grant'::text))
);
CREATE TABLE public.idempotency_keys (
    caller text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_hash text NOT NULL,
    answer text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.inbound_events (
    source text NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    object text NOT NULL,
    occurred_at bigint NOT NULL,
    received_at bigint NOT NULL
);
CREATE TABLE public.lease_epoch (
    id bigint NOT NULL,
    number bigint NOT NULL,
    server text NOT NULL,
    since bigint NOT NULL,
    CONSTRAINT lease_epoch_id_check CHECK ((id = 1))
);
CREATE TABLE public.lease_unsaid (
    binding_id text NOT NULL,
    version bigint NOT NULL,
    keep_until bigint NOT NULL
);
CREATE TABLE public.moves (
    object text NOT NULL,
    prior text NOT NULL,
    state text NOT NULL
);
CREATE TABLE public.notice_lanes (
    recipient text NOT NULL,
    next_at bigint,
    urgent_at bigint,
    free_at bigint NOT NULL,
    claimed_by text NOT NULL
);
CREATE TABLE public.notices (
    id text NOT NULL,
    kind text NOT NULL,
    event_id text NOT NULL,
    recipient text NOT NULL,
    request_id text,
    grant_id text,
    binding_id text,
    task_id text,
    created_at bigint NOT NULL,
    until bigint,
    version bigint NOT NULL,
    shown bigint NOT NULL,
    place text NOT NULL,
    shown_at bigint,
    next_at bigint,
    wanted_at bigint NOT NULL,
    urgent bigint NOT NULL,
    attempts bigint NOT NULL,
    last_error text NOT NULL,
    dropped_at bigint,
    alarm_id text
);
CREATE TABLE public.pagings (
    key text NOT NULL,
    alarm_id text NOT NULL,
    raised bigint NOT NULL,
    severity text NOT NULL,
    told_at bigint NOT NULL
);
CREATE TABLE public.people (
    subject text NOT NULL,
    source text NOT NULL,
    groups text NOT NULL,
    emails text NOT NULL,
    slack text NOT NULL,
    time_zone text NOT NULL,
    updated_at bigint NOT NULL
);
CREATE TABLE public.policy_active (
    id bigint NOT NULL,
    revision text NOT NULL,
    bundle text NOT NULL,
    source text NOT NULL,
    activated_at bigint NOT NULL,
    CONSTRAINT policy_active_id_check CHECK ((id = 1))
);
CREATE TABLE public.policy_recheck (
    id bigint NOT NULL,
    revision text NOT NULL,
    stage text NOT NULL,
    after text NOT NULL,
    CONSTRAINT policy_recheck_id_check CHECK ((id = 1))
);
CREATE TABLE public.policy_verdicts (
    grant_id text NOT NULL,
    verdict text NOT NULL,
    failures bigint NOT NULL,
    next_at bigint NOT NULL
);
CREATE TABLE public.rechecks (
    grant_id text NOT NULL,
    cause text NOT NULL,
    since bigint NOT NULL,
    source text NOT NULL,
    facts_at bigint NOT NULL,
    failures bigint NOT NULL,
    next_at bigint NOT NULL
);
CREATE TABLE public.request_reviewers (
    request_id text NOT NULL,
    principal text NOT NULL
);
CREATE TABLE public.requests (
    id text NOT NULL,
    subject text NOT NULL,
    requester text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL,
    for_seconds bigint,
    while_bound text,
    starts_at bigint,
    reason text NOT NULL,
    emergency bigint NOT NULL,
    channel text NOT NULL,
    decision_id text NOT NULL,
    lapses_at bigint,
    created_at bigint NOT NULL,
    closed_at bigint,
    object text DEFAULT 'request'::text NOT NULL,
    prior_state text,
    state text NOT NULL,
    next_shift bigint DEFAULT 0 NOT NULL,
    remind_at bigint,
    reminded bigint DEFAULT 0 NOT NULL,
    escalate_at bigint,
    escalated_at bigint,
    CONSTRAINT requests_check CHECK (((prior_state IS NOT NULL) OR (state = 'pending'::text))),
    CONSTRAINT requests_check1 CHECK (((lapses_at IS NOT NULL) = (state = 'pending'::text))),
    CONSTRAINT requests_check2 CHECK (((for_seconds IS NULL) <> (while_bound IS NULL))),
    CONSTRAINT requests_object_check CHECK ((object = 'request'::text))
);
CREATE TABLE public.resources (
    resource text NOT NULL,
    source text NOT NULL,
    name text NOT NULL,
    properties text NOT NULL,
    entitlements text NOT NULL,
    updated_at bigint NOT NULL,
    archived_at bigint,
    search text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.reviews (
    request_id text NOT NULL,
    reviewer text NOT NULL,
    verdict text NOT NULL,
    comment text NOT NULL,
    for_seconds bigint,
    decision_id text NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT reviews_verdict_check CHECK ((verdict = ANY (ARRAY['approve'::text, 'deny'::text])))
);
CREATE TABLE public.schema_versions (
    version bigint NOT NULL
);
CREATE TABLE public.signing_keys (
    kid text NOT NULL,
    jwk text NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.snapshots (
    source text NOT NULL,
    kind text NOT NULL,
    fetched_at bigint DEFAULT 0 NOT NULL,
    changed_at bigint DEFAULT 0 NOT NULL,
    until_at bigint DEFAULT 0 NOT NULL,
    digest text DEFAULT ''::text NOT NULL,
    faults text DEFAULT '[]'::text NOT NULL,
    failed_since bigint,
    error text DEFAULT ''::text NOT NULL,
    told_at bigint,
    poked_at bigint DEFAULT 0 NOT NULL,
    body bytea
);
CREATE TABLE public.sync_changes (
    run_id text NOT NULL,
    resource text NOT NULL,
    change text NOT NULL
);
CREATE TABLE public.sync_events (
    run_id text NOT NULL,
    n bigint NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    resource text NOT NULL,
    actor text,
    before text NOT NULL,
    behind text NOT NULL
);
CREATE TABLE public.sync_runs (
    id text NOT NULL,
    source text NOT NULL,
    outcome text,
    actor text NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint,
    received bigint DEFAULT 0 NOT NULL,
    created bigint DEFAULT 0 NOT NULL,
    updated bigint DEFAULT 0 NOT NULL,
    unchanged bigint DEFAULT 0 NOT NULL,
    archived bigint DEFAULT 0 NOT NULL,
    skipped bigint DEFAULT 0 NOT NULL,
    grants_ended bigint DEFAULT 0 NOT NULL,
    code text DEFAULT ''::text NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    errors text DEFAULT '[]'::text NOT NULL,
    error_count bigint DEFAULT 0 NOT NULL,
    staged bigint DEFAULT 1 NOT NULL
);
CREATE TABLE public.sync_sources (
    source text NOT NULL,
    declared_at bigint NOT NULL,
    synced_at bigint
);
CREATE TABLE public.sync_staged (
    run_id text NOT NULL,
    resource text NOT NULL,
    line bigint NOT NULL,
    item bigint NOT NULL,
    name text,
    properties text,
    entitlements text,
    search text
);
CREATE TABLE public.tasks (
    id text NOT NULL,
    kind text NOT NULL,
    request_id text,
    grant_id text,
    binding_id text,
    opened_by text NOT NULL,
    reason text NOT NULL,
    created_at bigint NOT NULL,
    closed_by text,
    closed_at bigint,
    object text DEFAULT 'task'::text NOT NULL,
    prior_state text,
    state text NOT NULL,
    data text,
    comment text,
    remind_at bigint,
    CONSTRAINT tasks_check CHECK (((prior_state IS NOT NULL) OR (state = 'open'::text))),
    CONSTRAINT tasks_check1 CHECK (((closed_by IS NULL) OR (closed_by <> opened_by))),
    CONSTRAINT tasks_object_check CHECK ((object = 'task'::text))
);
CREATE TABLE public.verifications (
    binding_id text NOT NULL,
    contract text NOT NULL,
    next_at bigint NOT NULL,
    claim text,
    answer text NOT NULL,
    answered_at bigint,
    verified_at bigint,
    drifted_since bigint,
    repairs bigint NOT NULL,
    failures bigint NOT NULL,
    last_error text NOT NULL,
    CONSTRAINT verifications_answer_check CHECK ((answer = ANY (ARRAY['absent'::text, 'present'::text, 'unknown'::text])))
);
INSERT INTO public.attempts VALUES ('bnd_06h0fd7y1krt0c3q25rfzge5nw', 1, 1, 'access.provision', 'gateway_06h0fd7yeertpxjam21019yfjr', 1795425631859811, 1795425631873833, 'confirmed', 204, '', NULL, NULL, NULL, 0, 0);
INSERT INTO public.attempts VALUES ('bnd_06h0fd7ywvzey6034c46pfnkjc', 1, 1, 'access.provision', 'gateway_06h0fd7yx92phw0508tf9n3vzg', 1795425631978289, 1795425631982287, 'confirmed', 204, '', NULL, NULL, NULL, 0, 0);
INSERT INTO public.attempts VALUES ('bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', 1, 1, 'access.provision', 'gateway_06h0fd7zbtahzv725rhsapdd9r', 1795425632094099, 1795425632098283, 'confirmed', 204, '', NULL, NULL, NULL, 0, 0);
INSERT INTO public.attempts VALUES ('bnd_06h0fd7zs08wyy1r3nxxdryp5g', 1, 1, 'access.provision', 'gateway_06h0fd7zscdnb2nae1ttspw78w', 1795425632203176, 1795425632207122, 'confirmed', 204, '', NULL, NULL, NULL, 0, 0);
INSERT INTO public.attempts VALUES ('bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', 2, 1, 'access.deprovision', 'gateway_06h0fd807kx0m5vptkxh994af4', 1795425632316448, 1795425632895945, 'refused', 503, 'answered 503 Service Unavailable', NULL, NULL, NULL, 0, 0);
INSERT INTO public.attempts VALUES ('bnd_06h0fd7zs08wyy1r3nxxdryp5g', 2, 1, 'access.deprovision', 'gateway_06h0fd8330n7qdjkxxyk6b0am8', 1795425633048312, NULL, NULL, NULL, '', NULL, NULL, NULL, 0, 0);
INSERT INTO public.attempts VALUES ('bnd_06h0fd83fst6ccd7jgbyrjdke8', 1, 1, 'access.provision', 'gateway_06h0fd83gjj78kdvhhq4f0y19w', 1795425633156081, NULL, NULL, NULL, '', NULL, NULL, NULL, 0, 0);
INSERT INTO public.attempts VALUES ('bnd_06h0fd83x0e5ghqxyp5x4m2240', 1, 1, 'access.provision', 'gateway_06h0fd83xdnv5r2b2et56bzdfm', 1795425633259379, 1795425633266318, 'confirmed', 204, '', NULL, NULL, NULL, 0, 0);
INSERT INTO public.audit_events VALUES ('evt_06h0fd7wmfckvygs63qada6jpg', 'policy.activated', 1795425631395778, NULL, NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"bundle_revision":null,"previous":null,"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"directory /tmp/curfew-668173146/policies"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7wmfckvygs63qada6jpg","request_id":null,"resource":null,"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":null,"subject":null,"time":"2026-11-23T09:20:31.395778Z","type":"policy.activated","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7wycby14b7aass2rhq6c', 'person.changed', 1795425631475819, 'user:operator@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":["admins"],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7wycby14b7aass2rhq6c","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"operator@example.com","type":"user"},"time":"2026-11-23T09:20:31.475819Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7wycby14b7ae3aam5kbc', 'person.changed', 1795425631475819, 'user:security@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":["security"],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7wycby14b7ae3aam5kbc","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"security@example.com","type":"user"},"time":"2026-11-23T09:20:31.475819Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7wycby14b7aftch65gpw', 'person.changed', 1795425631475819, 'user:guard@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":["security"],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7wycby14b7aftch65gpw","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"guard@example.com","type":"user"},"time":"2026-11-23T09:20:31.475819Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7wycby14b7ajdjwc847w', 'person.changed', 1795425631475819, 'user:alice@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":[],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7wycby14b7ajdjwc847w","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"alice@example.com","type":"user"},"time":"2026-11-23T09:20:31.475819Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7wycby14b7ajw06yrhh0', 'person.changed', 1795425631475819, 'user:bob@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":[],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7wycby14b7ajw06yrhh0","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"bob@example.com","type":"user"},"time":"2026-11-23T09:20:31.475819Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7xg1j938htw5mxqp5xy4', 'resource.created', 1795425631630180, NULL, 'customer:c00', NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"entitlements":[{"action":"debug","durations":["2s","1h","8760h"],"target":"c00"}],"properties":{"owner":"c00"},"source":"seed"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7xg1j938htw5mxqp5xy4","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":null,"time":"2026-11-23T09:20:31.63018Z","type":"resource.created","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7xg1j938htw5n1v4gyt8', 'resource.created', 1795425631630180, NULL, 'customer:c01', NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"entitlements":[{"action":"debug","durations":["2s","1h","8760h"],"target":"c01"}],"properties":{"owner":"c01"},"source":"seed"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7xg1j938htw5n1v4gyt8","request_id":null,"resource":{"id":"c01","type":"customer"},"revision":null,"source":null,"subject":null,"time":"2026-11-23T09:20:31.63018Z","type":"resource.created","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7xhv39nj7fp171w1vzrc', 'catalogue.synced', 1795425631630180, NULL, NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"archived":0,"created":2,"grants_ended":0,"received":2,"run_id":"run_06h0fd7x6yewb0tp62jf6mefym","skipped":0,"source":"seed","unchanged":0,"updated":0},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7xhv39nj7fp171w1vzrc","request_id":null,"resource":null,"revision":null,"source":null,"subject":null,"time":"2026-11-23T09:20:31.63018Z","type":"catalogue.synced","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7xvwe94fm6marp7mpvv8', 'gateway.started', 1795425631711820, NULL, NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"version":"(devel)"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7xvwe94fm6marp7mpvv8","request_id":null,"resource":null,"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":null,"subject":null,"time":"2026-11-23T09:20:31.71182Z","type":"gateway.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7y1jxxmb7k1jefayp8j8', 'request.submitted', 1795425631756108, 'user:holder@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7y1g9t7cqf29sbw77ync', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0fd7y1e9mw2jsm4cbr4wtam","grant_id":null,"http_request_id":"T252OKV6NHBWB7NPMUNH2GR763","id":"evt_06h0fd7y1jxxmb7k1jefayp8j8","request_id":"req_06h0fd7y1g9t7cqf29sbw77ync","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T09:20:31.756108Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7y1jxxmb7k1m4ntyrqzg', 'request.approved', 1795425631756108, 'user:holder@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7y1g9t7cqf29sbw77ync', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0fd7y1e9mw2jsm4cbr4wtam","grant_id":null,"http_request_id":"T252OKV6NHBWB7NPMUNH2GR763","id":"evt_06h0fd7y1jxxmb7k1m4ntyrqzg","request_id":"req_06h0fd7y1g9t7cqf29sbw77ync","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T09:20:31.756108Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zcbga1rnfmycpz66s0w', 'binding.provisioned', 1795425632098283, 'user:refused@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7zbf1ng9hwfzd4yz5dm8","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T09:20:32.091539Z","generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7zcbga1rnfmycpz66s0w","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.098283Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7y1jxxmb7k1pevawvwkw', 'grant.started', 1795425631756108, 'user:holder@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7y1g9t7cqf29sbw77ync', 'grt_06h0fd7y1hh7q8yas0pwxk9r6c', 'bnd_06h0fd7y1krt0c3q25rfzge5nw', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7y1krt0c3q25rfzge5nw","channel":"api","data":{"expires_at":"2027-11-23T09:20:31.756108Z","starts_at":"2026-11-23T09:20:31.756108Z"},"decision_id":"dec_06h0fd7y1e9mw2jsm4cbr4wtam","grant_id":"grt_06h0fd7y1hh7q8yas0pwxk9r6c","http_request_id":"T252OKV6NHBWB7NPMUNH2GR763","id":"evt_06h0fd7y1jxxmb7k1pevawvwkw","request_id":"req_06h0fd7y1g9t7cqf29sbw77ync","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T09:20:31.756108Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7y1jxxmb7k1sbqx4taa4', 'binding.desired', 1795425631756108, 'user:holder@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0fd7y1krt0c3q25rfzge5nw', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7y1krt0c3q25rfzge5nw","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"T252OKV6NHBWB7NPMUNH2GR763","id":"evt_06h0fd7y1jxxmb7k1sbqx4taa4","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T09:20:31.756108Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7yefkznyvqvzeyf5cq9c', 'binding.attempted', 1795425631859811, 'user:holder@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7y1krt0c3q25rfzge5nw', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7y1krt0c3q25rfzge5nw","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7yefkznyvqvzeyf5cq9c","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T09:20:31.859811Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7yg5zafee54g8vp8mwzm', 'binding.provisioned', 1795425631873833, 'user:holder@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7y1krt0c3q25rfzge5nw', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7y1krt0c3q25rfzge5nw","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T09:20:31.756108Z","generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7yg5zafee54g8vp8mwzm","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T09:20:31.873833Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7ywtb48591frtmd1zcrr', 'request.submitted', 1795425631974349, 'user:leaver@example.com', 'customer:c01', 'user:operator@example.com', 'req_06h0fd7ywtb8e43a6nmnaxdjdw', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0fd7yws92b088fbwbz1vrh0","grant_id":null,"http_request_id":"X5UJSUKCOHC3KA3LGIM7ROTTDV","id":"evt_06h0fd7ywtb48591frtmd1zcrr","request_id":"req_06h0fd7ywtb8e43a6nmnaxdjdw","resource":{"id":"c01","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T09:20:31.974349Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7ywtb48591ftcchtxtjw', 'request.approved', 1795425631974349, 'user:leaver@example.com', 'customer:c01', 'user:operator@example.com', 'req_06h0fd7ywtb8e43a6nmnaxdjdw', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0fd7yws92b088fbwbz1vrh0","grant_id":null,"http_request_id":"X5UJSUKCOHC3KA3LGIM7ROTTDV","id":"evt_06h0fd7ywtb48591ftcchtxtjw","request_id":"req_06h0fd7ywtb8e43a6nmnaxdjdw","resource":{"id":"c01","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T09:20:31.974349Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7ywtb48591fvj02p13kw', 'grant.started', 1795425631974349, 'user:leaver@example.com', 'customer:c01', 'user:operator@example.com', 'req_06h0fd7ywtb8e43a6nmnaxdjdw', 'grt_06h0fd7ywra5m9q5vdctzce2hm', 'bnd_06h0fd7ywvzey6034c46pfnkjc', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7ywvzey6034c46pfnkjc","channel":"api","data":{"expires_at":"2027-11-23T09:20:31.974349Z","starts_at":"2026-11-23T09:20:31.974349Z"},"decision_id":"dec_06h0fd7yws92b088fbwbz1vrh0","grant_id":"grt_06h0fd7ywra5m9q5vdctzce2hm","http_request_id":"X5UJSUKCOHC3KA3LGIM7ROTTDV","id":"evt_06h0fd7ywtb48591fvj02p13kw","request_id":"req_06h0fd7ywtb8e43a6nmnaxdjdw","resource":{"id":"c01","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T09:20:31.974349Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7ywtb48591fwddbwhrew', 'binding.desired', 1795425631974349, 'user:leaver@example.com', 'customer:c01', 'user:operator@example.com', NULL, NULL, 'bnd_06h0fd7ywvzey6034c46pfnkjc', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7ywvzey6034c46pfnkjc","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"X5UJSUKCOHC3KA3LGIM7ROTTDV","id":"evt_06h0fd7ywtb48591fwddbwhrew","request_id":null,"resource":{"id":"c01","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T09:20:31.974349Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7yxbexhqcza4k9svz0d0', 'binding.attempted', 1795425631978289, 'user:leaver@example.com', 'customer:c01', NULL, NULL, NULL, 'bnd_06h0fd7ywvzey6034c46pfnkjc', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7ywvzey6034c46pfnkjc","channel":null,"data":{"attempt":1,"generation":1,"target":"c01","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7yxbexhqcza4k9svz0d0","request_id":null,"resource":{"id":"c01","type":"customer"},"revision":null,"source":null,"subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T09:20:31.978289Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7yxrzhxq9y8v8zpsreq8', 'binding.provisioned', 1795425631982287, 'user:leaver@example.com', 'customer:c01', NULL, NULL, NULL, 'bnd_06h0fd7ywvzey6034c46pfnkjc', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7ywvzey6034c46pfnkjc","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T09:20:31.974349Z","generation":1,"target":"c01","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7yxrzhxq9y8v8zpsreq8","request_id":null,"resource":{"id":"c01","type":"customer"},"revision":null,"source":null,"subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T09:20:31.982287Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zagcfqktpd8j2j4zd1r', 'request.submitted', 1795425632084832, 'user:asker@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zakmy33zv13jvfn1ty4', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"review","emergency":false,"for":"8760h","reason":"ask somebody","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0fd7zageezr1jyhpyg9fyrg","grant_id":null,"http_request_id":"GY76MGTKEC4UOEJ7WJZMO6ZKL3","id":"evt_06h0fd7zagcfqktpd8j2j4zd1r","request_id":"req_06h0fd7zakmy33zv13jvfn1ty4","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"asker@example.com","type":"user"},"time":"2026-11-23T09:20:32.084832Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zb317z803x1hqtdzgag', 'request.submitted', 1795425632088065, 'user:scheduled@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zb1wpqwbarmmx4j8p44', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0fd7zawqkzpcf81bxassrq0","grant_id":null,"http_request_id":"KIZI3VFMV4JQXZ365E3O2XDFFL","id":"evt_06h0fd7zb317z803x1hqtdzgag","request_id":"req_06h0fd7zb1wpqwbarmmx4j8p44","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"scheduled@example.com","type":"user"},"time":"2026-11-23T09:20:32.088065Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zb317z803x536z9bbn0', 'request.approved', 1795425632088065, 'user:scheduled@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zb1wpqwbarmmx4j8p44', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0fd7zawqkzpcf81bxassrq0","grant_id":null,"http_request_id":"KIZI3VFMV4JQXZ365E3O2XDFFL","id":"evt_06h0fd7zb317z803x536z9bbn0","request_id":"req_06h0fd7zb1wpqwbarmmx4j8p44","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"scheduled@example.com","type":"user"},"time":"2026-11-23T09:20:32.088065Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zb317z803x802rpy1vr', 'grant.scheduled', 1795425632088065, 'user:scheduled@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zb1wpqwbarmmx4j8p44', 'grt_06h0fd7zb0hcgj57ysr0m1rbs0', 'bnd_06h0fd7zb1mf2fcamtsbbyw88w', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zb1mf2fcamtsbbyw88w","channel":"api","data":{"expires_at":"2028-05-23T21:20:32.086753Z","starts_at":"2027-05-24T21:20:32.086753Z"},"decision_id":"dec_06h0fd7zawqkzpcf81bxassrq0","grant_id":"grt_06h0fd7zb0hcgj57ysr0m1rbs0","http_request_id":"KIZI3VFMV4JQXZ365E3O2XDFFL","id":"evt_06h0fd7zb317z803x802rpy1vr","request_id":"req_06h0fd7zb1wpqwbarmmx4j8p44","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"scheduled@example.com","type":"user"},"time":"2026-11-23T09:20:32.088065Z","type":"grant.scheduled","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zbffcg0yz6jfa2f7jzc', 'request.submitted', 1795425632091539, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zbf2mc3c1n7z068ycsw', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0fd7zbeafzqsxjt8gzyznz0","grant_id":null,"http_request_id":"XYYXCFIUVX6BBNNL7PFJZFPLMZ","id":"evt_06h0fd7zbffcg0yz6jfa2f7jzc","request_id":"req_06h0fd7zbf2mc3c1n7z068ycsw","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.091539Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zbffcg0yz6mrgxdeg0r', 'request.approved', 1795425632091539, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zbf2mc3c1n7z068ycsw', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0fd7zbeafzqsxjt8gzyznz0","grant_id":null,"http_request_id":"XYYXCFIUVX6BBNNL7PFJZFPLMZ","id":"evt_06h0fd7zbffcg0yz6mrgxdeg0r","request_id":"req_06h0fd7zbf2mc3c1n7z068ycsw","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.091539Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zbffcg0yz6pqj7847c8', 'grant.started', 1795425632091539, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zbf2mc3c1n7z068ycsw', 'grt_06h0fd7zbf88gm4t69srjkv3p4', 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zbf1ng9hwfzd4yz5dm8","channel":"api","data":{"expires_at":"2027-11-23T09:20:32.091539Z","starts_at":"2026-11-23T09:20:32.091539Z"},"decision_id":"dec_06h0fd7zbeafzqsxjt8gzyznz0","grant_id":"grt_06h0fd7zbf88gm4t69srjkv3p4","http_request_id":"XYYXCFIUVX6BBNNL7PFJZFPLMZ","id":"evt_06h0fd7zbffcg0yz6pqj7847c8","request_id":"req_06h0fd7zbf2mc3c1n7z068ycsw","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.091539Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zbffcg0yz6qg1xx9r1w', 'binding.desired', 1795425632091539, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zbf1ng9hwfzd4yz5dm8","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"XYYXCFIUVX6BBNNL7PFJZFPLMZ","id":"evt_06h0fd7zbffcg0yz6qg1xx9r1w","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.091539Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zbv1kw7mjba6qq3cx2r', 'binding.attempted', 1795425632094099, 'user:refused@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7zbf1ng9hwfzd4yz5dm8","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7zbv1kw7mjba6qq3cx2r","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.094099Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zs0jqmzvdcn0ft645v8', 'request.submitted', 1795425632200385, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zs03tzjzzvc3npg6kvc', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0fd7zs0fd9j2xzbbjqy27cr","grant_id":null,"http_request_id":"2GLK4BPM6M57JV4UHGDUHPXH5Y","id":"evt_06h0fd7zs0jqmzvdcn0ft645v8","request_id":"req_06h0fd7zs03tzjzzvc3npg6kvc","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:32.200385Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zs0jqmzvdcqb1rrgw50', 'request.approved', 1795425632200385, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zs03tzjzzvc3npg6kvc', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0fd7zs0fd9j2xzbbjqy27cr","grant_id":null,"http_request_id":"2GLK4BPM6M57JV4UHGDUHPXH5Y","id":"evt_06h0fd7zs0jqmzvdcqb1rrgw50","request_id":"req_06h0fd7zs03tzjzzvc3npg6kvc","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:32.200385Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zs0jqmzvdctbtj8s4m0', 'grant.started', 1795425632200385, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zs03tzjzzvc3npg6kvc', 'grt_06h0fd7zs1psk52p6p3zb3av5r', 'bnd_06h0fd7zs08wyy1r3nxxdryp5g', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zs08wyy1r3nxxdryp5g","channel":"api","data":{"expires_at":"2027-11-23T09:20:32.200385Z","starts_at":"2026-11-23T09:20:32.200385Z"},"decision_id":"dec_06h0fd7zs0fd9j2xzbbjqy27cr","grant_id":"grt_06h0fd7zs1psk52p6p3zb3av5r","http_request_id":"2GLK4BPM6M57JV4UHGDUHPXH5Y","id":"evt_06h0fd7zs0jqmzvdctbtj8s4m0","request_id":"req_06h0fd7zs03tzjzzvc3npg6kvc","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:32.200385Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zs0jqmzvdcy78ex4j28', 'binding.desired', 1795425632200385, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0fd7zs08wyy1r3nxxdryp5g', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zs08wyy1r3nxxdryp5g","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"2GLK4BPM6M57JV4UHGDUHPXH5Y","id":"evt_06h0fd7zs0jqmzvdcy78ex4j28","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:32.200385Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zsdmavvd4k9s2a6a060', 'binding.attempted', 1795425632203176, 'user:closing@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7zs08wyy1r3nxxdryp5g', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7zs08wyy1r3nxxdryp5g","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7zsdmavvd4k9s2a6a060","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:32.203176Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd806yndxha7akxkzqmh0m', 'grant.ended', 1795425632311694, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zbf2mc3c1n7z068ycsw', 'grt_06h0fd7zbf88gm4t69srjkv3p4', 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zbf1ng9hwfzd4yz5dm8","channel":"api","data":{"end_reason":"revoked","expires_at":"2027-11-23T09:20:32.091539Z","starts_at":"2026-11-23T09:20:32.091539Z"},"decision_id":"dec_06h0fd7zbeafzqsxjt8gzyznz0","grant_id":"grt_06h0fd7zbf88gm4t69srjkv3p4","http_request_id":"Q75IOUDO6PSUCSDZVDN6E3KT6C","id":"evt_06h0fd806yndxha7akxkzqmh0m","request_id":"req_06h0fd7zbf2mc3c1n7z068ycsw","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.311694Z","type":"grant.ended","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd806yndxha7ap098e4698', 'binding.desired', 1795425632311694, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zbf1ng9hwfzd4yz5dm8","channel":"api","data":{"desired":"absent","generation":2,"observed":"present"},"decision_id":null,"grant_id":null,"http_request_id":"Q75IOUDO6PSUCSDZVDN6E3KT6C","id":"evt_06h0fd806yndxha7ap098e4698","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.311694Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd807jzsfm7kx1hwh1rnrm', 'binding.attempted', 1795425632316448, 'user:refused@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7zbf1ng9hwfzd4yz5dm8","channel":null,"data":{"attempt":1,"generation":2,"target":"c00","verb":"access.deprovision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd807jzsfm7kx1hwh1rnrm","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.316448Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83ftqfgpabyen4bst4sr', 'request.submitted', 1795425633150206, 'user:opening@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd83fr9jemraq0m31fhghg', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0fd83f1za9g0jjkmhx876b8","grant_id":null,"http_request_id":"SR6GQ3LR3MFYJMMW2U7YNUNQ4E","id":"evt_06h0fd83ftqfgpabyen4bst4sr","request_id":"req_06h0fd83fr9jemraq0m31fhghg","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T09:20:33.150206Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd7zswax3t31g0gb0k4z5w', 'binding.provisioned', 1795425632207122, 'user:closing@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7zs08wyy1r3nxxdryp5g', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7zs08wyy1r3nxxdryp5g","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T09:20:32.200385Z","generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd7zswax3t31g0gb0k4z5w","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:32.207122Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd82fyk62egn8m8093060c', 'binding.attempt_failed', 1795425632895945, 'user:refused@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7zbf1ng9hwfzd4yz5dm8","channel":null,"data":{"attempt":1,"class":"refused","detail":"answered 503 Service Unavailable","generation":2,"next_at":"2026-11-23T09:22:56.35979Z","status":503,"target":"c00","verb":"access.deprovision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd82fyk62egn8m8093060c","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T09:20:32.895945Z","type":"binding.attempt_failed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83xcghzmgwx618z8zybg', 'binding.attempted', 1795425633259379, 'user:expired@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd83x0e5ghqxyp5x4m2240', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd83x0e5ghqxyp5x4m2240","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd83xcghzmgwx618z8zybg","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T09:20:33.259379Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd82xcqrtba63f4w039cgr', 'grant.ended', 1795425633003613, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd7zs03tzjzzvc3npg6kvc', 'grt_06h0fd7zs1psk52p6p3zb3av5r', 'bnd_06h0fd7zs08wyy1r3nxxdryp5g', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zs08wyy1r3nxxdryp5g","channel":"api","data":{"end_reason":"revoked","expires_at":"2027-11-23T09:20:32.200385Z","starts_at":"2026-11-23T09:20:32.200385Z"},"decision_id":"dec_06h0fd7zs0fd9j2xzbbjqy27cr","grant_id":"grt_06h0fd7zs1psk52p6p3zb3av5r","http_request_id":"YC5QDQAD4PRLGIRJJMREKJ4V5J","id":"evt_06h0fd82xcqrtba63f4w039cgr","request_id":"req_06h0fd7zs03tzjzzvc3npg6kvc","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:33.003613Z","type":"grant.ended","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd82xcqrtba63gg6m3baxc', 'binding.desired', 1795425633003613, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0fd7zs08wyy1r3nxxdryp5g', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd7zs08wyy1r3nxxdryp5g","channel":"api","data":{"desired":"absent","generation":2,"observed":"present"},"decision_id":null,"grant_id":null,"http_request_id":"YC5QDQAD4PRLGIRJJMREKJ4V5J","id":"evt_06h0fd82xcqrtba63gg6m3baxc","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:33.003613Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83314jz94kqt4fk2fe5c', 'binding.attempted', 1795425633048312, 'user:closing@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd7zs08wyy1r3nxxdryp5g', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd7zs08wyy1r3nxxdryp5g","channel":null,"data":{"attempt":1,"generation":2,"target":"c00","verb":"access.deprovision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd83314jz94kqt4fk2fe5c","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T09:20:33.048312Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83ftqfgpabyg4yryamem', 'request.approved', 1795425633150206, 'user:opening@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd83fr9jemraq0m31fhghg', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0fd83f1za9g0jjkmhx876b8","grant_id":null,"http_request_id":"SR6GQ3LR3MFYJMMW2U7YNUNQ4E","id":"evt_06h0fd83ftqfgpabyg4yryamem","request_id":"req_06h0fd83fr9jemraq0m31fhghg","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T09:20:33.150206Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83ftqfgpabyj1mpxfe9c', 'grant.started', 1795425633150206, 'user:opening@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd83fr9jemraq0m31fhghg', 'grt_06h0fd83frpzrgm97qcn8kx2p4', 'bnd_06h0fd83fst6ccd7jgbyrjdke8', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd83fst6ccd7jgbyrjdke8","channel":"api","data":{"expires_at":"2027-11-23T09:20:33.150206Z","starts_at":"2026-11-23T09:20:33.150206Z"},"decision_id":"dec_06h0fd83f1za9g0jjkmhx876b8","grant_id":"grt_06h0fd83frpzrgm97qcn8kx2p4","http_request_id":"SR6GQ3LR3MFYJMMW2U7YNUNQ4E","id":"evt_06h0fd83ftqfgpabyj1mpxfe9c","request_id":"req_06h0fd83fr9jemraq0m31fhghg","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T09:20:33.150206Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83ftqfgpabyndtbkqsjg', 'binding.desired', 1795425633150206, 'user:opening@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0fd83fst6ccd7jgbyrjdke8', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd83fst6ccd7jgbyrjdke8","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"SR6GQ3LR3MFYJMMW2U7YNUNQ4E","id":"evt_06h0fd83ftqfgpabyndtbkqsjg","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T09:20:33.150206Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83gg5z7vzzbfh0462kcm', 'binding.attempted', 1795425633156081, 'user:opening@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd83fst6ccd7jgbyrjdke8', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd83fst6ccd7jgbyrjdke8","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd83gg5z7vzzbfh0462kcm","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T09:20:33.156081Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83x3kn62h5tfzw23dy0m', 'request.submitted', 1795425633256753, 'user:expired@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd83x33ns744t1x6654fr8', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"2s","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0fd83x3dxfjktz9vxnrv3r4","grant_id":null,"http_request_id":"CK5D3IGBKAPN6GPX6ZPR5S5JHI","id":"evt_06h0fd83x3kn62h5tfzw23dy0m","request_id":"req_06h0fd83x33ns744t1x6654fr8","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T09:20:33.256753Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83x3kn62h5tgj4dyw9ar', 'request.approved', 1795425633256753, 'user:expired@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd83x33ns744t1x6654fr8', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0fd83x3dxfjktz9vxnrv3r4","grant_id":null,"http_request_id":"CK5D3IGBKAPN6GPX6ZPR5S5JHI","id":"evt_06h0fd83x3kn62h5tgj4dyw9ar","request_id":"req_06h0fd83x33ns744t1x6654fr8","resource":{"id":"c00","type":"customer"},"revision":"83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e","source":"127.0.0.1","subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T09:20:33.256753Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83x3kn62h5tkkx18xb10', 'grant.started', 1795425633256753, 'user:expired@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0fd83x33ns744t1x6654fr8', 'grt_06h0fd83x08cthdj5z1tw45xdw', 'bnd_06h0fd83x0e5ghqxyp5x4m2240', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd83x0e5ghqxyp5x4m2240","channel":"api","data":{"expires_at":"2026-11-23T09:20:35.256753Z","starts_at":"2026-11-23T09:20:33.256753Z"},"decision_id":"dec_06h0fd83x3dxfjktz9vxnrv3r4","grant_id":"grt_06h0fd83x08cthdj5z1tw45xdw","http_request_id":"CK5D3IGBKAPN6GPX6ZPR5S5JHI","id":"evt_06h0fd83x3kn62h5tkkx18xb10","request_id":"req_06h0fd83x33ns744t1x6654fr8","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T09:20:33.256753Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83x3kn62h5tpssftv5bm', 'binding.desired', 1795425633256753, 'user:expired@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0fd83x0e5ghqxyp5x4m2240', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0fd83x0e5ghqxyp5x4m2240","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"CK5D3IGBKAPN6GPX6ZPR5S5JHI","id":"evt_06h0fd83x3kn62h5tpssftv5bm","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T09:20:33.256753Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0fd83y9wyp0pjxv577jzeym', 'binding.provisioned', 1795425633266318, 'user:expired@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0fd83x0e5ghqxyp5x4m2240', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0fd83x0e5ghqxyp5x4m2240","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T09:20:33.256753Z","generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0fd83y9wyp0pjxv577jzeym","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T09:20:33.266318Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_head VALUES (1, 56);
INSERT INTO public.audit_log VALUES (1, 'evt_06h0fd7wmfckvygs63qada6jpg', '4bffa8f8123b03ee4641180b4f68f97a21011725f2e150e418ad721555e59e0b');
INSERT INTO public.audit_log VALUES (2, 'evt_06h0fd7wycby14b7aass2rhq6c', 'f857824ba626cc4ba8315deac2eea679e14dd569bf351efbfe311ddde2548c9d');
INSERT INTO public.audit_log VALUES (3, 'evt_06h0fd7wycby14b7ae3aam5kbc', 'cf73a313ab97ecc0d9e9322e7ff662d2b7c8dd3edc64930cfbec18bbab814817');
INSERT INTO public.audit_log VALUES (4, 'evt_06h0fd7wycby14b7aftch65gpw', '03829d4f4d2ec504ff1200f0e45391df161191d917f83ac4f0c5dfcc124b3018');
INSERT INTO public.audit_log VALUES (5, 'evt_06h0fd7wycby14b7ajdjwc847w', '319014db66fb3c44979acbb96e638122009e6fc697c8af75b17a5d476643abdc');
INSERT INTO public.audit_log VALUES (6, 'evt_06h0fd7wycby14b7ajw06yrhh0', '67b51461c75ccd3ee104fb04b459ab578619cebd417612eaab54bf818a800a36');
INSERT INTO public.audit_log VALUES (7, 'evt_06h0fd7xg1j938htw5mxqp5xy4', '26d9969e0089192dd1055537e7316fbdc40ff5080db4f05b8f010d169abfe04e');
INSERT INTO public.audit_log VALUES (8, 'evt_06h0fd7xg1j938htw5n1v4gyt8', 'baa7b37454fd3eadc747257fa4af0672071b9bf67117f6c8cf28ef2c6f9c0421');
INSERT INTO public.audit_log VALUES (9, 'evt_06h0fd7xhv39nj7fp171w1vzrc', 'a377539d1badc212b1911f2a835328939302ca4a0c6b85abab1632bd538f61e1');
INSERT INTO public.audit_log VALUES (10, 'evt_06h0fd7xvwe94fm6marp7mpvv8', 'c50cd9de9f6bd5c5538e2a57167564985396a88c9ac5d0f60846f9b87d00ef31');
INSERT INTO public.audit_log VALUES (11, 'evt_06h0fd7y1jxxmb7k1jefayp8j8', '9929804f00b9dbe4d39939563eea4bd136f18d6df8cc797f3dbfa7e5ff03b0da');
INSERT INTO public.audit_log VALUES (12, 'evt_06h0fd7y1jxxmb7k1m4ntyrqzg', '9074a4e7d43ce6c7894d886d160c88ddd54eca4f43a60dfb730616093ab8a830');
INSERT INTO public.audit_log VALUES (13, 'evt_06h0fd7y1jxxmb7k1pevawvwkw', '827961c6bad09a7f013916419858c5a0eb0c7213e0b1a704ad8e84c2bb85f2f4');
INSERT INTO public.audit_log VALUES (14, 'evt_06h0fd7y1jxxmb7k1sbqx4taa4', '86319c579e56d1ecf92059e6e01b19561383910d6dd161b51eae471e620b5dba');
INSERT INTO public.audit_log VALUES (15, 'evt_06h0fd7yefkznyvqvzeyf5cq9c', '7dabe939c358f46fcf188e6edfe2f6ee34076e8ba9992093c3e07d43ac4c292f');
INSERT INTO public.audit_log VALUES (16, 'evt_06h0fd7yg5zafee54g8vp8mwzm', 'b14845a147a418338a70b66ee66839fee5756a66aff493dc389026db1e240fba');
INSERT INTO public.audit_log VALUES (17, 'evt_06h0fd7ywtb48591frtmd1zcrr', '3325b6fd63071a605b198fa806a85ed123ad93000aeef9e27cf7dcb8462f634e');
INSERT INTO public.audit_log VALUES (18, 'evt_06h0fd7ywtb48591ftcchtxtjw', '6ae7b3c8f5eaa6042831de57521874680c6a2dd2c5b629726d51c525a06071be');
INSERT INTO public.audit_log VALUES (19, 'evt_06h0fd7ywtb48591fvj02p13kw', 'f719792f5ffd756555478c91d3661577ccf26c4a2d5fe04bc9bf9f98e690c619');
INSERT INTO public.audit_log VALUES (20, 'evt_06h0fd7ywtb48591fwddbwhrew', '1486b6fd80b9a426f56229d07af1c4c9b03cdff204025e134a39a524a0ee40c0');
INSERT INTO public.audit_log VALUES (21, 'evt_06h0fd7yxbexhqcza4k9svz0d0', 'da3248b4eb4726e0a8e6c55c2bf7fdc18a9c6cfee5edebe9f839e03ecd2ff061');
INSERT INTO public.audit_log VALUES (22, 'evt_06h0fd7yxrzhxq9y8v8zpsreq8', '55b670dfb25e9e92ce4e7ddc03c3e74bd0fd27eb6ddb8630766d597064ea81e8');
INSERT INTO public.audit_log VALUES (23, 'evt_06h0fd7zagcfqktpd8j2j4zd1r', 'a76ff947c505ed1508fda8f59dc6383d82f56a132af4178090462e74ed64111d');
INSERT INTO public.audit_log VALUES (24, 'evt_06h0fd7zb317z803x1hqtdzgag', 'a372c41edaa10d092e409c4502685094856c430278056ea8b884e0316babd6a9');
INSERT INTO public.audit_log VALUES (25, 'evt_06h0fd7zb317z803x536z9bbn0', 'b6f82c28bdc352e9c110c0fb7e35a1a82dd9df588c3f8960a2eb592a75e22359');
INSERT INTO public.audit_log VALUES (26, 'evt_06h0fd7zb317z803x802rpy1vr', '91bbcb67a967022442361b93ecf9e0f8209f4e1b4fac0f604de4cc1cd9a93399');
INSERT INTO public.audit_log VALUES (27, 'evt_06h0fd7zbffcg0yz6jfa2f7jzc', 'a8d5addf83ebbf5b431c02156396b726c6999b6870defb7e9718202a869e27ff');
INSERT INTO public.audit_log VALUES (28, 'evt_06h0fd7zbffcg0yz6mrgxdeg0r', 'e355b8512a09de5975b2475c8ca5da2e60aae9350ae37ff49d4dcad6133ccc5a');
INSERT INTO public.audit_log VALUES (29, 'evt_06h0fd7zbffcg0yz6pqj7847c8', '2a9720a95c620d427012f459000c967993bdeceb65e5c059e2607dcfb5ae2bcd');
INSERT INTO public.audit_log VALUES (30, 'evt_06h0fd7zbffcg0yz6qg1xx9r1w', 'fee2dbba8351121615d311d122fbfb9615558b4d10e433a8b7fab4b36f6a7e4f');
INSERT INTO public.audit_log VALUES (31, 'evt_06h0fd7zbv1kw7mjba6qq3cx2r', '00caa9f0589d6f9917d3d36e2d73de60f12db9cc23fadf1e8faf818fce267e8f');
INSERT INTO public.audit_log VALUES (32, 'evt_06h0fd7zcbga1rnfmycpz66s0w', '8aa4402978d9ac940718529ca81bf4028d6f6472c69ec4f480a64123c363c710');
INSERT INTO public.audit_log VALUES (33, 'evt_06h0fd7zs0jqmzvdcn0ft645v8', 'dceb61c3a8b7267a25c7599f4e691f1378f7738624101e5f1368294c82fe6ee3');
INSERT INTO public.audit_log VALUES (34, 'evt_06h0fd7zs0jqmzvdcqb1rrgw50', 'ddc58c283d3f171a5692e2da87b4995060bb59df9ef927f70c6b13b5475d2a90');
INSERT INTO public.audit_log VALUES (35, 'evt_06h0fd7zs0jqmzvdctbtj8s4m0', '945831267303ea8f878dc2f6e566ff5f8b7e9b4cc5d5d39f542f9e0a564c5d11');
INSERT INTO public.audit_log VALUES (36, 'evt_06h0fd7zs0jqmzvdcy78ex4j28', 'f1c7ac1298a8baa4f644631c794f4a7983c8eaf82f60abdfff766d77f7c5fec5');
INSERT INTO public.audit_log VALUES (37, 'evt_06h0fd7zsdmavvd4k9s2a6a060', 'ad8b8f8a8ecd27aa5baa16288775e6a777df01ae44f8917e66771bcc8d1a8264');
INSERT INTO public.audit_log VALUES (38, 'evt_06h0fd7zswax3t31g0gb0k4z5w', '989b9727947edaffc10b3ab3510dbabd1576d22a5de1dbceaf80eaef3b7e47a6');
INSERT INTO public.audit_log VALUES (39, 'evt_06h0fd806yndxha7akxkzqmh0m', '395e6fbed0f3f7cb9516177c685a002b214189efd518fa19b584818e8e644d54');
INSERT INTO public.audit_log VALUES (40, 'evt_06h0fd806yndxha7ap098e4698', 'bfd9713402a021be0ff165ef88ce56723fd365b7c54a803b2141f9f258b35c01');
INSERT INTO public.audit_log VALUES (41, 'evt_06h0fd807jzsfm7kx1hwh1rnrm', 'a229efe31be4ccc68254f5b918919d92550b00ebff5b03a8d316299931469e65');
INSERT INTO public.audit_log VALUES (42, 'evt_06h0fd82fyk62egn8m8093060c', 'c8a64325ca3ea8a3e5909d84b450bdf322439707e1cbae2d7511872c1178ee35');
INSERT INTO public.audit_log VALUES (43, 'evt_06h0fd82xcqrtba63f4w039cgr', '2b6513c9d13cd4d3796beaa8f854a57101022b9bd4a023e45a8c2b3a5285546d');
INSERT INTO public.audit_log VALUES (44, 'evt_06h0fd82xcqrtba63gg6m3baxc', 'f8d67ae933da7f5087ebe2555b7e3072d174feaa2ee9e050e77a4af36dbd8512');
INSERT INTO public.audit_log VALUES (45, 'evt_06h0fd83314jz94kqt4fk2fe5c', 'd9d75c5b6a7a4edf231c2812e7ae3fc202e2096bb4ebf9bbcaf2b59abaa9cf8c');
INSERT INTO public.audit_log VALUES (46, 'evt_06h0fd83ftqfgpabyen4bst4sr', '7c6e31d19dcbe12a9f0424c17e05b66563f1ad647ddc8eb7e2dc77b53e71cb4d');
INSERT INTO public.audit_log VALUES (47, 'evt_06h0fd83ftqfgpabyg4yryamem', '0eab6e0bdc17524c4d7f6ad5e5ff256e2d6df1c91376a4f19ea8ff50d4e3e273');
INSERT INTO public.audit_log VALUES (48, 'evt_06h0fd83ftqfgpabyj1mpxfe9c', '4cfa3b398128457cba82cbe1331d0fa8e99a3a642965f79d97a7c7f6aefb755c');
INSERT INTO public.audit_log VALUES (49, 'evt_06h0fd83ftqfgpabyndtbkqsjg', '0c396192045e5464272e4a049663b92cf589544eba05ec5c8a9dafdf0c843f46');
INSERT INTO public.audit_log VALUES (50, 'evt_06h0fd83gg5z7vzzbfh0462kcm', '330a2dc9c56697b61f47ac6174c8095159b2f44eec8abbf1d971b7921b9b7176');
INSERT INTO public.audit_log VALUES (51, 'evt_06h0fd83x3kn62h5tfzw23dy0m', 'ae40c9df0fca38332349fd5c1409b653ff3a815e849437d7debd391b5f963088');
INSERT INTO public.audit_log VALUES (52, 'evt_06h0fd83x3kn62h5tgj4dyw9ar', 'f6d7373e665d628e00d88c9b27f9d27ad97b0ee82d7161da07e9e6a309177bbb');
INSERT INTO public.audit_log VALUES (53, 'evt_06h0fd83x3kn62h5tkkx18xb10', '7e65c91533f96adb0e4cf349502cb0c903186915eec63a3a155c2b5517936bd6');
INSERT INTO public.audit_log VALUES (54, 'evt_06h0fd83x3kn62h5tpssftv5bm', '3f4c4745e4893e59c4fce281189eafe4410b9a2fa1bc82247d4c29d3855699ea');
INSERT INTO public.audit_log VALUES (55, 'evt_06h0fd83xcghzmgwx618z8zybg', 'b704627e1edbd426bfcee4b67eea8af8af193961d3f5d3b002b8e713851ce53f');
INSERT INTO public.audit_log VALUES (56, 'evt_06h0fd83y9wyp0pjxv577jzeym', '23cb4e64da4e6b4f9c153725dcd5ec643da8b5daae98e638413d2da7090f93e8');
INSERT INTO public.bindings VALUES ('bnd_06h0fd7y1krt0c3q25rfzge5nw', 'user:holder@example.com', 'debug', 'customer:c00', 'c00', '76a8a873e192257995114c3e917fe97237b3fbe803da31fd47593fe822332ca9', 'present', 'present', 1, 1, 1, NULL, NULL, NULL, NULL, 'confirmed', '', 1795425631873833, NULL, NULL, 0, 0, NULL, 1826961631756108, 0, NULL);
INSERT INTO public.bindings VALUES ('bnd_06h0fd7ywvzey6034c46pfnkjc', 'user:leaver@example.com', 'debug', 'customer:c01', 'c01', 'f32959c40b1f6e0970f49499db982abad89425674906167f2f2179b3160aac3a', 'present', 'present', 1, 1, 1, NULL, NULL, NULL, NULL, 'confirmed', '', 1795425631982287, NULL, NULL, 0, 0, NULL, 1826961631974349, 0, NULL);
INSERT INTO public.bindings VALUES ('bnd_06h0fd7zb1mf2fcamtsbbyw88w', 'user:scheduled@example.com', 'debug', 'customer:c00', 'c00', '76a8a873e192257995114c3e917fe97237b3fbe803da31fd47593fe822332ca9', 'absent', 'absent', 1, 0, 0, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, 0, 0, NULL, NULL, 0, NULL);
INSERT INTO public.bindings VALUES ('bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', 'user:refused@example.com', 'debug', 'customer:c00', 'c00', '76a8a873e192257995114c3e917fe97237b3fbe803da31fd47593fe822332ca9', 'absent', 'unknown', 2, 2, 1, 1795425776359790, NULL, 1795425632311694, 'revoked', 'refused', 'answered 503 Service Unavailable', 1795425632098283, 1795425632895945, NULL, 0, 1795425702316448, NULL, NULL, 0, NULL);
INSERT INTO public.bindings VALUES ('bnd_06h0fd7zs08wyy1r3nxxdryp5g', 'user:closing@example.com', 'debug', 'customer:c00', 'c00', '76a8a873e192257995114c3e917fe97237b3fbe803da31fd47593fe822332ca9', 'absent', 'unknown', 2, 2, 1, 1795425703048312, 'gateway_06h0fd8330n7qdjkxxyk6b0am8', 1795425633003613, 'revoked', NULL, '', 1795425632207122, NULL, NULL, 0, 1795425703048312, NULL, NULL, 0, NULL);
INSERT INTO public.bindings VALUES ('bnd_06h0fd83fst6ccd7jgbyrjdke8', 'user:opening@example.com', 'debug', 'customer:c00', 'c00', '76a8a873e192257995114c3e917fe97237b3fbe803da31fd47593fe822332ca9', 'present', 'unknown', 1, 1, 1, 1795425703156081, 'gateway_06h0fd83gjj78kdvhhq4f0y19w', 1795425633150206, NULL, NULL, '', NULL, NULL, NULL, 1795425703156081, 0, NULL, 1826961633150206, 0, NULL);
INSERT INTO public.bindings VALUES ('bnd_06h0fd83x0e5ghqxyp5x4m2240', 'user:expired@example.com', 'debug', 'customer:c00', 'c00', '76a8a873e192257995114c3e917fe97237b3fbe803da31fd47593fe822332ca9', 'present', 'present', 1, 1, 1, NULL, NULL, NULL, NULL, 'confirmed', '', 1795425633266318, NULL, NULL, 0, 0, NULL, 1795425635256753, 0, NULL);
INSERT INTO public.catalogue VALUES (1, 1);
INSERT INTO public.clock VALUES (1, 0);
INSERT INTO public.decisions VALUES ('dec_06h0fd7y1e9mw2jsm4cbr4wtam', 'request', 'allow', '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '{"subject":{"type":"user","id":"holder@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T09:20:31.755328Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795425631755328, 652);
INSERT INTO public.decisions VALUES ('dec_06h0fd7yws92b088fbwbz1vrh0', 'request', 'allow', '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '{"subject":{"type":"user","id":"leaver@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c01","properties":{"owner":"c01"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T09:20:31.974056Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795425631974056, 219);
INSERT INTO public.decisions VALUES ('dec_06h0fd7zageezr1jyhpyg9fyrg', 'request', 'review', '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '{"subject":{"type":"user","id":"asker@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T09:20:32.084505Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"ask somebody","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"review","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}],"lapse_seconds":31536000,"reviewers":{"groups":["security"],"quorum":1}}', 1795425632084505, 222);
INSERT INTO public.decisions VALUES ('dec_06h0fd7zawqkzpcf81bxassrq0', 'request', 'allow', '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '{"subject":{"type":"user","id":"scheduled@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T09:20:32.087828Z","for_seconds":31536000,"while":null,"starts_at":"2027-05-24T21:20:32.086753Z","reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795425632087828, 173);
INSERT INTO public.decisions VALUES ('dec_06h0fd7zbeafzqsxjt8gzyznz0', 'request', 'allow', '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '{"subject":{"type":"user","id":"refused@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T09:20:32.091313Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795425632091313, 164);
INSERT INTO public.decisions VALUES ('dec_06h0fd7zs0fd9j2xzbbjqy27cr', 'request', 'allow', '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '{"subject":{"type":"user","id":"closing@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T09:20:32.200061Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795425632200061, 204);
INSERT INTO public.decisions VALUES ('dec_06h0fd83f1za9g0jjkmhx876b8', 'request', 'allow', '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '{"subject":{"type":"user","id":"opening@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T09:20:33.144984Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795425633144984, 359);
INSERT INTO public.decisions VALUES ('dec_06h0fd83x3dxfjktz9vxnrv3r4', 'request', 'allow', '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '{"subject":{"type":"user","id":"expired@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T09:20:33.256394Z","for_seconds":2,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795425633256394, 260);
INSERT INTO public.duties VALUES ('lease.mend', 'node_06h0fd7wgkr68mmvztm73k1d6c', 1795425661755404);
INSERT INTO public.duties VALUES ('alarms', 'node_06h0fd7wgkr68mmvztm73k1d6c', 1795425661760272);
INSERT INTO public.duties VALUES ('recheck', 'node_06h0fd7wgkr68mmvztm73k1d6c', 1795425661778154);
INSERT INTO public.grants VALUES ('grt_06h0fd7y1hh7q8yas0pwxk9r6c', 'req_06h0fd7y1g9t7cqf29sbw77ync', 'bnd_06h0fd7y1krt0c3q25rfzge5nw', 'user:holder@example.com', 'debug', 'customer:c00', NULL, 1795425631756108, 1826961631756108, 'dec_06h0fd7y1e9mw2jsm4cbr4wtam', 1795425631756108, NULL, NULL, 'grant', 'scheduled', 'active', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0fd7ywra5m9q5vdctzce2hm', 'req_06h0fd7ywtb8e43a6nmnaxdjdw', 'bnd_06h0fd7ywvzey6034c46pfnkjc', 'user:leaver@example.com', 'debug', 'customer:c01', NULL, 1795425631974349, 1826961631974349, 'dec_06h0fd7yws92b088fbwbz1vrh0', 1795425631974349, NULL, NULL, 'grant', 'scheduled', 'active', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0fd7zb0hcgj57ysr0m1rbs0', 'req_06h0fd7zb1wpqwbarmmx4j8p44', 'bnd_06h0fd7zb1mf2fcamtsbbyw88w', 'user:scheduled@example.com', 'debug', 'customer:c00', NULL, 1811193632086753, 1842729632086753, 'dec_06h0fd7zawqkzpcf81bxassrq0', 1795425632088065, NULL, NULL, 'grant', NULL, 'scheduled', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0fd7zbf88gm4t69srjkv3p4', 'req_06h0fd7zbf2mc3c1n7z068ycsw', 'bnd_06h0fd7zbf1ng9hwfzd4yz5dm8', 'user:refused@example.com', 'debug', 'customer:c00', NULL, 1795425632091539, 1826961632091539, 'dec_06h0fd7zbeafzqsxjt8gzyznz0', 1795425632091539, 1795425632311694, 'revoked', 'grant', 'active', 'ended', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0fd7zs1psk52p6p3zb3av5r', 'req_06h0fd7zs03tzjzzvc3npg6kvc', 'bnd_06h0fd7zs08wyy1r3nxxdryp5g', 'user:closing@example.com', 'debug', 'customer:c00', NULL, 1795425632200385, 1826961632200385, 'dec_06h0fd7zs0fd9j2xzbbjqy27cr', 1795425632200385, 1795425633003613, 'revoked', 'grant', 'active', 'ended', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0fd83frpzrgm97qcn8kx2p4', 'req_06h0fd83fr9jemraq0m31fhghg', 'bnd_06h0fd83fst6ccd7jgbyrjdke8', 'user:opening@example.com', 'debug', 'customer:c00', NULL, 1795425633150206, 1826961633150206, 'dec_06h0fd83f1za9g0jjkmhx876b8', 1795425633150206, NULL, NULL, 'grant', 'scheduled', 'active', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0fd83x08cthdj5z1tw45xdw', 'req_06h0fd83x33ns744t1x6654fr8', 'bnd_06h0fd83x0e5ghqxyp5x4m2240', 'user:expired@example.com', 'debug', 'customer:c00', NULL, 1795425633256753, 1795425635256753, 'dec_06h0fd83x3dxfjktz9vxnrv3r4', 1795425633256753, NULL, NULL, 'grant', 'scheduled', 'active', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.lease_epoch VALUES (1, 0, '', 0);
INSERT INTO public.moves VALUES ('request', 'pending', 'approved');
INSERT INTO public.moves VALUES ('request', 'pending', 'denied');
INSERT INTO public.moves VALUES ('request', 'pending', 'withdrawn');
INSERT INTO public.moves VALUES ('request', 'pending', 'lapsed');
INSERT INTO public.moves VALUES ('grant', 'scheduled', 'active');
INSERT INTO public.moves VALUES ('grant', 'scheduled', 'ended');
INSERT INTO public.moves VALUES ('grant', 'active', 'ended');
INSERT INTO public.moves VALUES ('task', 'open', 'done');
INSERT INTO public.moves VALUES ('task', 'open', 'rejected');
INSERT INTO public.people VALUES ('user:operator@example.com', 'file', '["admins"]', '[]', '', '', 1795425631475819);
INSERT INTO public.people VALUES ('user:security@example.com', 'file', '["security"]', '[]', '', '', 1795425631475819);
INSERT INTO public.people VALUES ('user:guard@example.com', 'file', '["security"]', '[]', '', '', 1795425631475819);
INSERT INTO public.people VALUES ('user:alice@example.com', 'file', '[]', '[]', '', '', 1795425631475819);
INSERT INTO public.people VALUES ('user:bob@example.com', 'file', '[]', '[]', '', '', 1795425631475819);
INSERT INTO public.policy_active VALUES (1, '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', '', 'directory /tmp/curfew-668173146/policies', 1795425631395778);
INSERT INTO public.policy_recheck VALUES (1, '83913e78737c9dcae318a8d76ab6e14bce8a44713eb3dfe7e0d361380a9a4f2e', 'done', '');
INSERT INTO public.request_reviewers VALUES ('req_06h0fd7zakmy33zv13jvfn1ty4', 'group:security');
INSERT INTO public.requests VALUES ('req_06h0fd7y1g9t7cqf29sbw77ync', 'user:holder@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0fd7y1e9mw2jsm4cbr4wtam', NULL, 1795425631756108, 1795425631756108, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0fd7ywtb8e43a6nmnaxdjdw', 'user:leaver@example.com', 'user:operator@example.com', 'debug', 'customer:c01', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0fd7yws92b088fbwbz1vrh0', NULL, 1795425631974349, 1795425631974349, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0fd7zakmy33zv13jvfn1ty4', 'user:asker@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'ask somebody', 0, 'api', 'dec_06h0fd7zageezr1jyhpyg9fyrg', 1826961632084832, 1795425632084832, NULL, 'request', NULL, 'pending', 0, 1795426532084832, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0fd7zb1wpqwbarmmx4j8p44', 'user:scheduled@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, 1811193632086753, 'upgrade', 0, 'api', 'dec_06h0fd7zawqkzpcf81bxassrq0', NULL, 1795425632088065, 1795425632088065, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0fd7zbf2mc3c1n7z068ycsw', 'user:refused@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0fd7zbeafzqsxjt8gzyznz0', NULL, 1795425632091539, 1795425632091539, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0fd7zs03tzjzzvc3npg6kvc', 'user:closing@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0fd7zs0fd9j2xzbbjqy27cr', NULL, 1795425632200385, 1795425632200385, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0fd83fr9jemraq0m31fhghg', 'user:opening@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0fd83f1za9g0jjkmhx876b8', NULL, 1795425633150206, 1795425633150206, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0fd83x33ns744t1x6654fr8', 'user:expired@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 2, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0fd83x3dxfjktz9vxnrv3r4', NULL, 1795425633256753, 1795425633256753, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.resources VALUES ('customer:c00', 'seed', 'upgrade', '{"owner":"c00"}', '[{"action":"debug","durations":["2s","1h","8760h"],"target":"c00"}]', 1795425631630180, NULL, '
upgrade
customer:c00');
INSERT INTO public.resources VALUES ('customer:c01', 'seed', 'upgrade', '{"owner":"c01"}', '[{"action":"debug","durations":["2s","1h","8760h"],"target":"c01"}]', 1795425631630180, NULL, '
upgrade
customer:c01');
INSERT INTO public.schema_versions VALUES (1);
INSERT INTO public.schema_versions VALUES (2);
INSERT INTO public.schema_versions VALUES (3);
INSERT INTO public.schema_versions VALUES (4);
INSERT INTO public.schema_versions VALUES (5);
INSERT INTO public.schema_versions VALUES (6);
INSERT INTO public.schema_versions VALUES (7);
INSERT INTO public.schema_versions VALUES (8);
INSERT INTO public.schema_versions VALUES (9);
INSERT INTO public.schema_versions VALUES (10);
INSERT INTO public.schema_versions VALUES (11);
INSERT INTO public.schema_versions VALUES (12);
INSERT INTO public.schema_versions VALUES (13);
INSERT INTO public.schema_versions VALUES (14);
INSERT INTO public.sync_runs VALUES ('run_06h0fd7x6yewb0tp62jf6mefym', 'seed', 'applied', '', 1795425631545979, 1795425631630180, 2, 2, 0, 0, 0, 0, 0, '', '', '[]', 0, 0);
INSERT INTO public.sync_sources VALUES ('seed', 1795425631630180, 1795425631630180);
ALTER TABLE ONLY public.access_callbacks
    ADD CONSTRAINT access_callbacks_pkey PRIMARY KEY (task_id);
ALTER TABLE ONLY public.access_tasks
    ADD CONSTRAINT access_tasks_approval_id_key UNIQUE (approval_id);
ALTER TABLE ONLY public.access_tasks
    ADD CONSTRAINT access_tasks_evaluation_id_key UNIQUE (evaluation_id);
ALTER TABLE ONLY public.access_tasks
    ADD CONSTRAINT access_tasks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.access_tasks
    ADD CONSTRAINT access_tasks_request_id_key UNIQUE (request_id);
ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT alarms_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (binding_id, generation, attempt);
ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_head
    ADD CONSTRAINT audit_head_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_event_id_key UNIQUE (event_id);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.audit_pending
    ADD CONSTRAINT audit_pending_pkey PRIMARY KEY (at, n, event_id);
ALTER TABLE ONLY public.bindings
    ADD CONSTRAINT bindings_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.bindings
    ADD CONSTRAINT bindings_subject_action_resource_target_contract_key UNIQUE (subject, action, resource, target, contract);
ALTER TABLE ONLY public.catalogue
    ADD CONSTRAINT catalogue_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.clock
    ADD CONSTRAINT clock_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.decision_chunks
    ADD CONSTRAINT decision_chunks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.duties
    ADD CONSTRAINT duties_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.followers
    ADD CONSTRAINT followers_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_request_id_key UNIQUE (request_id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, route, key);
ALTER TABLE ONLY public.inbound_events
    ADD CONSTRAINT inbound_events_pkey PRIMARY KEY (source, id);
ALTER TABLE ONLY public.lease_epoch
    ADD CONSTRAINT lease_epoch_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lease_unsaid
    ADD CONSTRAINT lease_unsaid_pkey PRIMARY KEY (binding_id);
ALTER TABLE ONLY public.moves
    ADD CONSTRAINT moves_pkey PRIMARY KEY (object, prior, state);
ALTER TABLE ONLY public.notice_lanes
    ADD CONSTRAINT notice_lanes_pkey PRIMARY KEY (recipient);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_event_id_kind_recipient_key UNIQUE (event_id, kind, recipient);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pagings
    ADD CONSTRAINT pagings_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (subject, source);
ALTER TABLE ONLY public.policy_active
    ADD CONSTRAINT policy_active_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.policy_recheck
    ADD CONSTRAINT policy_recheck_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.policy_verdicts
    ADD CONSTRAINT policy_verdicts_pkey PRIMARY KEY (grant_id);
ALTER TABLE ONLY public.rechecks
    ADD CONSTRAINT rechecks_pkey PRIMARY KEY (grant_id, cause, source);
ALTER TABLE ONLY public.request_reviewers
    ADD CONSTRAINT request_reviewers_pkey PRIMARY KEY (request_id, principal);
ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.resources
    ADD CONSTRAINT resources_pkey PRIMARY KEY (resource);
ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_pkey PRIMARY KEY (request_id, reviewer);
ALTER TABLE ONLY public.schema_versions
    ADD CONSTRAINT schema_versions_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (kid);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (source);
ALTER TABLE ONLY public.sync_changes
    ADD CONSTRAINT sync_changes_pkey PRIMARY KEY (run_id, resource);
ALTER TABLE ONLY public.sync_events
    ADD CONSTRAINT sync_events_pkey PRIMARY KEY (run_id, n);
ALTER TABLE ONLY public.sync_runs
    ADD CONSTRAINT sync_runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sync_sources
    ADD CONSTRAINT sync_sources_pkey PRIMARY KEY (source);
ALTER TABLE ONLY public.sync_staged
    ADD CONSTRAINT sync_staged_pkey PRIMARY KEY (run_id, resource);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_pkey PRIMARY KEY (binding_id);
CREATE INDEX access_callbacks_open ON public.access_callbacks USING btree (next_at) WHERE (outcome IS NULL);
CREATE UNIQUE INDEX alarms_open ON public.alarms USING btree (key) WHERE (resolved_at IS NULL);
CREATE INDEX alarms_over ON public.alarms USING btree (resolved_at) WHERE (resolved_at IS NOT NULL);
CREATE UNIQUE INDEX attempts_callback ON public.attempts USING btree (callback_hash) WHERE (callback_hash IS NOT NULL);
CREATE INDEX audit_events_binding ON public.audit_events USING btree (binding_id) WHERE (binding_id IS NOT NULL);
CREATE INDEX audit_events_grant ON public.audit_events USING btree (grant_id) WHERE (grant_id IS NOT NULL);
CREATE INDEX audit_events_request ON public.audit_events USING btree (request_id) WHERE (request_id IS NOT NULL);
CREATE INDEX audit_events_resource ON public.audit_events USING btree (resource) WHERE (resource IS NOT NULL);
CREATE INDEX audit_events_subject ON public.audit_events USING btree (subject) WHERE (subject IS NOT NULL);
CREATE INDEX bindings_claimed ON public.bindings USING btree (id) WHERE (claim IS NOT NULL);
CREATE INDEX bindings_due ON public.bindings USING btree (contract, next_at) WHERE (next_at IS NOT NULL);
CREATE INDEX bindings_forced ON public.bindings USING btree (id) WHERE (forced_at IS NOT NULL);
CREATE INDEX bindings_needing ON public.bindings USING btree (target, contract) WHERE ((next_at IS NOT NULL) OR (desired = 'present'::text) OR (observed <> 'absent'::text));
CREATE INDEX bindings_resource ON public.bindings USING btree (resource, id);
CREATE INDEX bindings_untried ON public.bindings USING btree (contract, next_at) WHERE ((next_at IS NOT NULL) AND (attempts = 0) AND (desired = 'absent'::text));
CREATE INDEX bindings_wrong ON public.bindings USING btree (due_at) WHERE ((due_at IS NOT NULL) AND (alerted_at IS NULL));
CREATE INDEX decision_chunks_ids ON public.decision_chunks USING btree (first_id, last_id, id);
CREATE INDEX decision_chunks_last ON public.decision_chunks USING btree (last_at);
CREATE INDEX grants_active ON public.grants USING btree (id) WHERE (state = 'active'::text);
CREATE INDEX grants_bound ON public.grants USING btree (while_bound, id) WHERE ((bound IS NOT NULL) AND (state <> 'ended'::text));
CREATE INDEX grants_ending ON public.grants USING btree (expires_at) WHERE (state <> 'ended'::text);
CREATE INDEX grants_held ON public.grants USING btree (subject, id) WHERE (state = 'active'::text);
CREATE INDEX grants_on_binding ON public.grants USING btree (binding_id) WHERE (state = 'active'::text);
CREATE INDEX grants_resource ON public.grants USING btree (resource) WHERE (state <> 'ended'::text);
CREATE INDEX grants_starting ON public.grants USING btree (starts_at) WHERE (state = 'scheduled'::text);
CREATE INDEX grants_subject ON public.grants USING btree (subject, id);
CREATE INDEX grants_to_tell ON public.grants USING btree ((
CASE
    WHEN ((expires_at - starts_at) < '2400000000'::bigint) THEN (expires_at - ((expires_at - starts_at) / 4))
    ELSE (expires_at - 600000000)
END), id) WHERE ((state = 'active'::text) AND ((expires_at - starts_at) >= 120000000) AND ((ending_told IS NULL) OR (ending_told <> expires_at)));
CREATE INDEX idempotency_keys_created ON public.idempotency_keys USING btree (created_at);
CREATE INDEX inbound_events_object ON public.inbound_events USING btree (object, type);
CREATE INDEX inbound_events_received ON public.inbound_events USING btree (received_at);
CREATE INDEX notice_lanes_due ON public.notice_lanes USING btree (next_at, recipient) WHERE (next_at IS NOT NULL);
CREATE INDEX notice_lanes_urgent ON public.notice_lanes USING btree (urgent_at, recipient) WHERE (urgent_at IS NOT NULL);
CREATE INDEX notices_alarm ON public.notices USING btree (alarm_id) WHERE (alarm_id IS NOT NULL);
CREATE INDEX notices_by_age ON public.notices USING btree (created_at, id);
CREATE INDEX notices_grant ON public.notices USING btree (grant_id) WHERE (grant_id IS NOT NULL);
CREATE INDEX notices_request ON public.notices USING btree (request_id) WHERE (request_id IS NOT NULL);
CREATE INDEX notices_task ON public.notices USING btree (task_id) WHERE (task_id IS NOT NULL);
CREATE INDEX notices_urgent ON public.notices USING btree (recipient, next_at, id) WHERE ((next_at IS NOT NULL) AND (urgent = 1));
CREATE INDEX notices_waiting ON public.notices USING btree (recipient, next_at, id) WHERE (next_at IS NOT NULL);
CREATE INDEX people_slack ON public.people USING btree (slack) WHERE (slack <> ''::text);
CREATE INDEX policy_verdicts_next ON public.policy_verdicts USING btree (verdict, next_at);
CREATE INDEX rechecks_next ON public.rechecks USING btree (next_at);
CREATE INDEX request_reviewers_principal ON public.request_reviewers USING btree (principal, request_id);
CREATE INDEX requests_escalate ON public.requests USING btree (escalate_at) WHERE ((state = 'pending'::text) AND (escalate_at IS NOT NULL));
CREATE INDEX requests_lapsing ON public.requests USING btree (lapses_at) WHERE (state = 'pending'::text);
CREATE INDEX requests_pending ON public.requests USING btree (id) WHERE (state = 'pending'::text);
CREATE INDEX requests_remind ON public.requests USING btree (remind_at) WHERE ((state = 'pending'::text) AND (remind_at IS NOT NULL));
CREATE INDEX requests_requester ON public.requests USING btree (requester, id);
CREATE INDEX requests_subject ON public.requests USING btree (subject, id);
CREATE INDEX resources_alive ON public.resources USING btree (source, resource, archived_at) WHERE (archived_at IS NULL);
CREATE INDEX sync_runs_source ON public.sync_runs USING btree (source, id);
CREATE INDEX sync_runs_staged ON public.sync_runs USING btree (id) WHERE (staged = 1);
CREATE UNIQUE INDEX tasks_one_flag ON public.tasks USING btree (grant_id) WHERE ((state = 'open'::text) AND (kind = 'flag'::text));
CREATE UNIQUE INDEX tasks_one_force_close ON public.tasks USING btree (binding_id) WHERE ((state = 'open'::text) AND (kind = 'force_close'::text));
CREATE INDEX tasks_open ON public.tasks USING btree (kind, id) WHERE (state = 'open'::text);
CREATE INDEX tasks_remind ON public.tasks USING btree (remind_at) WHERE ((state = 'open'::text) AND (remind_at IS NOT NULL));
CREATE INDEX verifications_drifted ON public.verifications USING btree (binding_id) WHERE (drifted_since IS NOT NULL);
CREATE INDEX verifications_due ON public.verifications USING btree (contract, next_at);
ALTER TABLE ONLY public.access_callbacks
    ADD CONSTRAINT access_callbacks_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.requests(id);
ALTER TABLE ONLY public.access_callbacks
    ADD CONSTRAINT access_callbacks_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.access_tasks(id);
ALTER TABLE ONLY public.access_tasks
    ADD CONSTRAINT access_tasks_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.requests(id);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_binding_id_fkey FOREIGN KEY (binding_id) REFERENCES public.bindings(id);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.audit_events(id);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_binding_id_fkey FOREIGN KEY (binding_id) REFERENCES public.bindings(id);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES public.decisions(id);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_object_prior_state_state_fkey FOREIGN KEY (object, prior_state, state) REFERENCES public.moves(object, prior, state);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.requests(id);
ALTER TABLE ONLY public.lease_unsaid
    ADD CONSTRAINT lease_unsaid_binding_id_fkey FOREIGN KEY (binding_id) REFERENCES public.bindings(id);
ALTER TABLE ONLY public.pagings
    ADD CONSTRAINT pagings_alarm_id_fkey FOREIGN KEY (alarm_id) REFERENCES public.alarms(id);
ALTER TABLE ONLY public.policy_verdicts
    ADD CONSTRAINT policy_verdicts_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES public.grants(id);
ALTER TABLE ONLY public.rechecks
    ADD CONSTRAINT rechecks_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES public.grants(id);
ALTER TABLE ONLY public.request_reviewers
    ADD CONSTRAINT request_reviewers_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.requests(id);
ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES public.decisions(id);
ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_object_prior_state_state_fkey FOREIGN KEY (object, prior_state, state) REFERENCES public.moves(object, prior, state);
ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES public.decisions(id);
ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.requests(id);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_binding_id_fkey FOREIGN KEY (binding_id) REFERENCES public.bindings(id);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES public.grants(id);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_object_prior_state_state_fkey FOREIGN KEY (object, prior_state, state) REFERENCES public.moves(object, prior, state);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.requests(id);
ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_binding_id_fkey FOREIGN KEY (binding_id) REFERENCES public.bindings(id);
