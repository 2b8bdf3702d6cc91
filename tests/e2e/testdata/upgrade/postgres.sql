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
    detail text NOT NULL
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
    CONSTRAINT bindings_desired_check CHECK ((desired = ANY (ARRAY['absent'::text, 'present'::text]))),
    CONSTRAINT bindings_observed_check CHECK ((observed = ANY (ARRAY['absent'::text, 'present'::text, 'unknown'::text])))
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
    dropped_at bigint
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
INSERT INTO public.attempts VALUES ('bnd_06h0dxbf8jdevs71xzwyfn2efm', 1, 1, 'access.provision', 'gateway_06h0dxbfaf2kbbsyhedd6tj464', 1795413077843962, 1795413077861217, 'confirmed', 204, '');
INSERT INTO public.attempts VALUES ('bnd_06h0dxbfstps9d9t7ec50qp6ar', 1, 1, 'access.provision', 'gateway_06h0dxbfte3rte6bzpbgq7gqfc', 1795413077971899, 1795413077975504, 'confirmed', 204, '');
INSERT INTO public.attempts VALUES ('bnd_06h0dxbfxdmzpyn06rjw611ej4', 1, 1, 'access.provision', 'gateway_06h0dxbfy8dr5xv8gx5yp5j1z8', 1795413078002335, 1795413078007818, 'confirmed', 204, '');
INSERT INTO public.attempts VALUES ('bnd_06h0dxbgbzk2mn795tj806prb0', 1, 1, 'access.provision', 'gateway_06h0dxbgc8gv0621bkd09e5xfm', 1795413078114090, 1795413078119641, 'confirmed', 204, '');
INSERT INTO public.attempts VALUES ('bnd_06h0dxbfxdmzpyn06rjw611ej4', 2, 1, 'access.deprovision', 'gateway_06h0dxbgtsmd31vrsr5fj63tkc', 1795413078230380, 1795413078842715, 'refused', 503, 'answered 503 Service Unavailable');
INSERT INTO public.attempts VALUES ('bnd_06h0dxbgbzk2mn795tj806prb0', 2, 1, 'access.deprovision', 'gateway_06h0dxbkjvzrb7pbb8vp2p1c48', 1795413078934936, NULL, NULL, NULL, '');
INSERT INTO public.attempts VALUES ('bnd_06h0dxbkztzw9ab1dmjg8zxafg', 1, 1, 'access.provision', 'gateway_06h0dxbm0f7pyjp8bbkcqt77s0', 1795413079043524, NULL, NULL, NULL, '');
INSERT INTO public.attempts VALUES ('bnd_06h0dxbmd5vqm3k08frcbarwm8', 1, 1, 'access.provision', 'gateway_06h0dxbmdpety005pcxmnja8m0', 1795413079149349, 1795413079153423, 'confirmed', 204, '');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf352t0a42k790kpg7j8', 'policy.activated', 1795413077785965, NULL, NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"bundle_revision":null,"previous":null,"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"directory /tmp/curfew-566287719/policies"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf352t0a42k790kpg7j8","request_id":null,"resource":null,"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":null,"subject":null,"time":"2026-11-23T05:51:17.785965Z","type":"policy.activated","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf3y36csphrznfn61emw', 'person.changed', 1795413077791033, 'user:operator@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":["admins"],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf3y36csphrznfn61emw","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"operator@example.com","type":"user"},"time":"2026-11-23T05:51:17.791033Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf3x8gq9vssy99tj7r08', 'person.changed', 1795413077791033, 'user:security@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":["security"],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf3x8gq9vssy99tj7r08","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"security@example.com","type":"user"},"time":"2026-11-23T05:51:17.791033Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf3wrt2v2se7zzjw4hrc', 'person.changed', 1795413077791033, 'user:guard@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":["security"],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf3wrt2v2se7zzjw4hrc","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"guard@example.com","type":"user"},"time":"2026-11-23T05:51:17.791033Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf3z83qx0zfphwv9vh9r', 'person.changed', 1795413077791033, 'user:alice@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":[],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf3z83qx0zfphwv9vh9r","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"alice@example.com","type":"user"},"time":"2026-11-23T05:51:17.791033Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf3wq7hp5gbq18f95t10', 'person.changed', 1795413077791033, 'user:bob@example.com', NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"emails":[],"groups":[],"slack":"","source":"file","time_zone":""},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf3wq7hp5gbq18f95t10","request_id":null,"resource":null,"revision":null,"source":null,"subject":{"id":"bob@example.com","type":"user"},"time":"2026-11-23T05:51:17.791033Z","type":"person.changed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf47q242reaxfwf308t8', 'resource.created', 1795413077793220, NULL, 'customer:c00', NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"entitlements":[{"action":"debug","durations":["2s","1h","8760h"],"target":"c00"}],"properties":{"owner":"c00"},"source":"seed"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf47q242reaxfwf308t8","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":null,"time":"2026-11-23T05:51:17.79322Z","type":"resource.created","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf47aahf2v8jc849yed0', 'resource.created', 1795413077793220, NULL, 'customer:c01', NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"entitlements":[{"action":"debug","durations":["2s","1h","8760h"],"target":"c01"}],"properties":{"owner":"c01"},"source":"seed"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf47aahf2v8jc849yed0","request_id":null,"resource":{"id":"c01","type":"customer"},"revision":null,"source":null,"subject":null,"time":"2026-11-23T05:51:17.79322Z","type":"resource.created","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf4czy7tcx5r3ksqb2ng', 'gateway.started', 1795413077795352, NULL, NULL, NULL, NULL, NULL, NULL, '{"action":null,"actor":null,"binding_id":null,"channel":null,"data":{"version":"(devel)"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbf4czy7tcx5r3ksqb2ng","request_id":null,"resource":null,"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":null,"subject":null,"time":"2026-11-23T05:51:17.795352Z","type":"gateway.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf8k2r85f70mp7wqpvwr', 'request.submitted', 1795413077828293, 'user:holder@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbf8gf7jcstzbvsxh6w8m', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0dxbf89b2nn6x0ksrbm59yw","grant_id":null,"http_request_id":"D2OXDBKEU76PHBXZWM54KDBAHO","id":"evt_06h0dxbf8k2r85f70mp7wqpvwr","request_id":"req_06h0dxbf8gf7jcstzbvsxh6w8m","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T05:51:17.828293Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf8kvvq4d4gsaerqa3cg', 'request.approved', 1795413077828293, 'user:holder@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbf8gf7jcstzbvsxh6w8m', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0dxbf89b2nn6x0ksrbm59yw","grant_id":null,"http_request_id":"D2OXDBKEU76PHBXZWM54KDBAHO","id":"evt_06h0dxbf8kvvq4d4gsaerqa3cg","request_id":"req_06h0dxbf8gf7jcstzbvsxh6w8m","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T05:51:17.828293Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf8g40eqnpa1wvpyj2qc', 'grant.started', 1795413077828293, 'user:holder@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbf8gf7jcstzbvsxh6w8m', 'grt_06h0dxbf8kbkgn1ddhhcdb9mfr', 'bnd_06h0dxbf8jdevs71xzwyfn2efm', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbf8jdevs71xzwyfn2efm","channel":"api","data":{"expires_at":"2027-11-23T05:51:17.828293Z","starts_at":"2026-11-23T05:51:17.828293Z"},"decision_id":"dec_06h0dxbf89b2nn6x0ksrbm59yw","grant_id":"grt_06h0dxbf8kbkgn1ddhhcdb9mfr","http_request_id":"D2OXDBKEU76PHBXZWM54KDBAHO","id":"evt_06h0dxbf8g40eqnpa1wvpyj2qc","request_id":"req_06h0dxbf8gf7jcstzbvsxh6w8m","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T05:51:17.828293Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbf8gjxyf9rabt6mywgzw', 'binding.desired', 1795413077828293, 'user:holder@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0dxbf8jdevs71xzwyfn2efm', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbf8jdevs71xzwyfn2efm","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"D2OXDBKEU76PHBXZWM54KDBAHO","id":"evt_06h0dxbf8gjxyf9rabt6mywgzw","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T05:51:17.828293Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfadpp0bdcmnkkrk9rbc', 'binding.attempted', 1795413077843962, 'user:holder@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbf8jdevs71xzwyfn2efm', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbf8jdevs71xzwyfn2efm","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbfadpp0bdcmnkkrk9rbc","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T05:51:17.843962Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfcpzvqfg7asqs0dakz8', 'binding.provisioned', 1795413077861217, 'user:holder@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbf8jdevs71xzwyfn2efm', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbf8jdevs71xzwyfn2efm","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T05:51:17.828293Z","generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbfcpzvqfg7asqs0dakz8","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"holder@example.com","type":"user"},"time":"2026-11-23T05:51:17.861217Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfsrkrcbrby6m79xme58', 'request.submitted', 1795413077966774, 'user:leaver@example.com', 'customer:c01', 'user:operator@example.com', 'req_06h0dxbfsvhzeyaervmpqppynm', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0dxbfstbr4ktxxygnszh664","grant_id":null,"http_request_id":"WLI3NJWQU4W6W5MXL74BECDKGH","id":"evt_06h0dxbfsrkrcbrby6m79xme58","request_id":"req_06h0dxbfsvhzeyaervmpqppynm","resource":{"id":"c01","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T05:51:17.966774Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfsspxahtj1fct7tzw1c', 'request.approved', 1795413077966774, 'user:leaver@example.com', 'customer:c01', 'user:operator@example.com', 'req_06h0dxbfsvhzeyaervmpqppynm', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0dxbfstbr4ktxxygnszh664","grant_id":null,"http_request_id":"WLI3NJWQU4W6W5MXL74BECDKGH","id":"evt_06h0dxbfsspxahtj1fct7tzw1c","request_id":"req_06h0dxbfsvhzeyaervmpqppynm","resource":{"id":"c01","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T05:51:17.966774Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfssj6ckrphxrffbqh5c', 'grant.started', 1795413077966774, 'user:leaver@example.com', 'customer:c01', 'user:operator@example.com', 'req_06h0dxbfsvhzeyaervmpqppynm', 'grt_06h0dxbfsvxxah7knarwfrep5r', 'bnd_06h0dxbfstps9d9t7ec50qp6ar', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbfstps9d9t7ec50qp6ar","channel":"api","data":{"expires_at":"2027-11-23T05:51:17.966774Z","starts_at":"2026-11-23T05:51:17.966774Z"},"decision_id":"dec_06h0dxbfstbr4ktxxygnszh664","grant_id":"grt_06h0dxbfsvxxah7knarwfrep5r","http_request_id":"WLI3NJWQU4W6W5MXL74BECDKGH","id":"evt_06h0dxbfssj6ckrphxrffbqh5c","request_id":"req_06h0dxbfsvhzeyaervmpqppynm","resource":{"id":"c01","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T05:51:17.966774Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfstgwmybybd9qdv1qjw', 'binding.desired', 1795413077966774, 'user:leaver@example.com', 'customer:c01', 'user:operator@example.com', NULL, NULL, 'bnd_06h0dxbfstps9d9t7ec50qp6ar', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbfstps9d9t7ec50qp6ar","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"WLI3NJWQU4W6W5MXL74BECDKGH","id":"evt_06h0dxbfstgwmybybd9qdv1qjw","request_id":null,"resource":{"id":"c01","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T05:51:17.966774Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbftcbt6ng3kmwg8s2jcc', 'binding.attempted', 1795413077971899, 'user:leaver@example.com', 'customer:c01', NULL, NULL, NULL, 'bnd_06h0dxbfstps9d9t7ec50qp6ar', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbfstps9d9t7ec50qp6ar","channel":null,"data":{"attempt":1,"generation":1,"target":"c01","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbftcbt6ng3kmwg8s2jcc","request_id":null,"resource":{"id":"c01","type":"customer"},"revision":null,"source":null,"subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T05:51:17.971899Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbftxpha8d00k7zb66yq0', 'binding.provisioned', 1795413077975504, 'user:leaver@example.com', 'customer:c01', NULL, NULL, NULL, 'bnd_06h0dxbfstps9d9t7ec50qp6ar', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbfstps9d9t7ec50qp6ar","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T05:51:17.966774Z","generation":1,"target":"c01","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbftxpha8d00k7zb66yq0","request_id":null,"resource":{"id":"c01","type":"customer"},"revision":null,"source":null,"subject":{"id":"leaver@example.com","type":"user"},"time":"2026-11-23T05:51:17.975504Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfxe8gcrant0sm0cw4vr', 'request.submitted', 1795413077995794, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbfxcck2hnr65fp1r4ehw', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0dxbfxdwems96e5p143dtdc","grant_id":null,"http_request_id":"IF2FXMFPTTTHUFSRT2MCU65ZEJ","id":"evt_06h0dxbfxe8gcrant0sm0cw4vr","request_id":"req_06h0dxbfxcck2hnr65fp1r4ehw","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:17.995794Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfvhrg2v35yzdaheerer', 'request.submitted', 1795413077980619, 'user:asker@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbfvgb9wnxtrxa2z1m4g4', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"review","emergency":false,"for":"8760h","reason":"ask somebody","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0dxbfvj1n2619c2k8jpch9g","grant_id":null,"http_request_id":"7UINTHI3PLBCSKUIBZE4XIEI7O","id":"evt_06h0dxbfvhrg2v35yzdaheerer","request_id":"req_06h0dxbfvgb9wnxtrxa2z1m4g4","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"asker@example.com","type":"user"},"time":"2026-11-23T05:51:17.980619Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfwb1n35hczymg883a6m', 'request.submitted', 1795413077986817, 'user:scheduled@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbfw9mmfnhw5phh1b65tg', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0dxbfwazvwdzd0b8yrph1wc","grant_id":null,"http_request_id":"HG3CKTQNO5553KL7BG4S5BWONJ","id":"evt_06h0dxbfwb1n35hczymg883a6m","request_id":"req_06h0dxbfw9mmfnhw5phh1b65tg","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"scheduled@example.com","type":"user"},"time":"2026-11-23T05:51:17.986817Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfwb91a18vhgq1het4ar', 'request.approved', 1795413077986817, 'user:scheduled@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbfw9mmfnhw5phh1b65tg', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0dxbfwazvwdzd0b8yrph1wc","grant_id":null,"http_request_id":"HG3CKTQNO5553KL7BG4S5BWONJ","id":"evt_06h0dxbfwb91a18vhgq1het4ar","request_id":"req_06h0dxbfw9mmfnhw5phh1b65tg","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"scheduled@example.com","type":"user"},"time":"2026-11-23T05:51:17.986817Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfw98pjtehc06hg8728c', 'grant.scheduled', 1795413077986817, 'user:scheduled@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbfw9mmfnhw5phh1b65tg', 'grt_06h0dxbfw89788497sje4zpkd8', 'bnd_06h0dxbfwaw8e199wjzpk6w6mm', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbfwaw8e199wjzpk6w6mm","channel":"api","data":{"expires_at":"2028-05-23T17:51:17.984682Z","starts_at":"2027-05-24T17:51:17.984682Z"},"decision_id":"dec_06h0dxbfwazvwdzd0b8yrph1wc","grant_id":"grt_06h0dxbfw89788497sje4zpkd8","http_request_id":"HG3CKTQNO5553KL7BG4S5BWONJ","id":"evt_06h0dxbfw98pjtehc06hg8728c","request_id":"req_06h0dxbfw9mmfnhw5phh1b65tg","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"scheduled@example.com","type":"user"},"time":"2026-11-23T05:51:17.986817Z","type":"grant.scheduled","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgcwexkdg9pnxzgk7p58', 'binding.provisioned', 1795413078119641, 'user:closing@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbgbzk2mn795tj806prb0', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbgbzk2mn795tj806prb0","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T05:51:18.111089Z","generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbgcwexkdg9pnxzgk7p58","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.119641Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbk79jdhegndzjngndnvc', 'binding.attempt_failed', 1795413078842715, 'user:refused@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbfxdmzpyn06rjw611ej4', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbfxdmzpyn06rjw611ej4","channel":null,"data":{"attempt":1,"class":"refused","detail":"answered 503 Service Unavailable","generation":2,"next_at":"2026-11-23T05:52:42.833795Z","status":503,"target":"c00","verb":"access.deprovision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbk79jdhegndzjngndnvc","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:18.842715Z","type":"binding.attempt_failed","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbkzv23vapyx1k3wxs11g', 'request.submitted', 1795413079038552, 'user:opening@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbkzv3ptyym46hs987sj8', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0dxbkzt8qt6xkn2p7dtny3m","grant_id":null,"http_request_id":"7ABDJESKZ2RNCFKGXMSM2HXJRC","id":"evt_06h0dxbkzv23vapyx1k3wxs11g","request_id":"req_06h0dxbkzv3ptyym46hs987sj8","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T05:51:19.038552Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbkzt149gy6z5561qp7m4', 'request.approved', 1795413079038552, 'user:opening@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbkzv3ptyym46hs987sj8', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0dxbkzt8qt6xkn2p7dtny3m","grant_id":null,"http_request_id":"7ABDJESKZ2RNCFKGXMSM2HXJRC","id":"evt_06h0dxbkzt149gy6z5561qp7m4","request_id":"req_06h0dxbkzv3ptyym46hs987sj8","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T05:51:19.038552Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbkztfgzby4a1tq6ddagm', 'grant.started', 1795413079038552, 'user:opening@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbkzv3ptyym46hs987sj8', 'grt_06h0dxbkzv1bchw01wexvaz6d0', 'bnd_06h0dxbkztzw9ab1dmjg8zxafg', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbkztzw9ab1dmjg8zxafg","channel":"api","data":{"expires_at":"2027-11-23T05:51:19.038552Z","starts_at":"2026-11-23T05:51:19.038552Z"},"decision_id":"dec_06h0dxbkzt8qt6xkn2p7dtny3m","grant_id":"grt_06h0dxbkzv1bchw01wexvaz6d0","http_request_id":"7ABDJESKZ2RNCFKGXMSM2HXJRC","id":"evt_06h0dxbkztfgzby4a1tq6ddagm","request_id":"req_06h0dxbkzv3ptyym46hs987sj8","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T05:51:19.038552Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfxd4zr40kg9rpaa9s64', 'request.approved', 1795413077995794, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbfxcck2hnr65fp1r4ehw', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0dxbfxdwems96e5p143dtdc","grant_id":null,"http_request_id":"IF2FXMFPTTTHUFSRT2MCU65ZEJ","id":"evt_06h0dxbfxd4zr40kg9rpaa9s64","request_id":"req_06h0dxbfxcck2hnr65fp1r4ehw","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:17.995794Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfxdxmyvh4z315f0bygw', 'grant.started', 1795413077995794, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbfxcck2hnr65fp1r4ehw', 'grt_06h0dxbfxdm996456wx2aceq4w', 'bnd_06h0dxbfxdmzpyn06rjw611ej4', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbfxdmzpyn06rjw611ej4","channel":"api","data":{"expires_at":"2027-11-23T05:51:17.995794Z","starts_at":"2026-11-23T05:51:17.995794Z"},"decision_id":"dec_06h0dxbfxdwems96e5p143dtdc","grant_id":"grt_06h0dxbfxdm996456wx2aceq4w","http_request_id":"IF2FXMFPTTTHUFSRT2MCU65ZEJ","id":"evt_06h0dxbfxdxmyvh4z315f0bygw","request_id":"req_06h0dxbfxcck2hnr65fp1r4ehw","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:17.995794Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfxd6brztnf2415583pr', 'binding.desired', 1795413077995794, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0dxbfxdmzpyn06rjw611ej4', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbfxdmzpyn06rjw611ej4","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"IF2FXMFPTTTHUFSRT2MCU65ZEJ","id":"evt_06h0dxbfxd6brztnf2415583pr","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:17.995794Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfy9aq2rbwv3557c8v2w', 'binding.attempted', 1795413078002335, 'user:refused@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbfxdmzpyn06rjw611ej4', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbfxdmzpyn06rjw611ej4","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbfy9aq2rbwv3557c8v2w","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:18.002335Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbfyzf8yj6q879bc0kyvr', 'binding.provisioned', 1795413078007818, 'user:refused@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbfxdmzpyn06rjw611ej4', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbfxdmzpyn06rjw611ej4","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T05:51:17.995794Z","generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbfyzf8yj6q879bc0kyvr","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:18.007818Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgbw8cxg7922qjkpwv5w', 'request.submitted', 1795413078111089, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbgbyewyh2mrhbp87mwx0', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"8760h","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0dxbgbvefd22fbykbyzjt7g","grant_id":null,"http_request_id":"4EOCM4VNNH6NRFFSAJA7GVBLFQ","id":"evt_06h0dxbgbw8cxg7922qjkpwv5w","request_id":"req_06h0dxbgbyewyh2mrhbp87mwx0","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.111089Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgbxd56yhefh5nas43dc', 'request.approved', 1795413078111089, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbgbyewyh2mrhbp87mwx0', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0dxbgbvefd22fbykbyzjt7g","grant_id":null,"http_request_id":"4EOCM4VNNH6NRFFSAJA7GVBLFQ","id":"evt_06h0dxbgbxd56yhefh5nas43dc","request_id":"req_06h0dxbgbyewyh2mrhbp87mwx0","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.111089Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgbypn2apn18qscxk7d4', 'grant.started', 1795413078111089, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbgbyewyh2mrhbp87mwx0', 'grt_06h0dxbgbyr83hgsrmmg3ebqrm', 'bnd_06h0dxbgbzk2mn795tj806prb0', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbgbzk2mn795tj806prb0","channel":"api","data":{"expires_at":"2027-11-23T05:51:18.111089Z","starts_at":"2026-11-23T05:51:18.111089Z"},"decision_id":"dec_06h0dxbgbvefd22fbykbyzjt7g","grant_id":"grt_06h0dxbgbyr83hgsrmmg3ebqrm","http_request_id":"4EOCM4VNNH6NRFFSAJA7GVBLFQ","id":"evt_06h0dxbgbypn2apn18qscxk7d4","request_id":"req_06h0dxbgbyewyh2mrhbp87mwx0","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.111089Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgbwy15tjbh4ayycvzk4', 'binding.desired', 1795413078111089, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0dxbgbzk2mn795tj806prb0', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbgbzk2mn795tj806prb0","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"4EOCM4VNNH6NRFFSAJA7GVBLFQ","id":"evt_06h0dxbgbwy15tjbh4ayycvzk4","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.111089Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgca36ksgb2rsecv6h1c', 'binding.attempted', 1795413078114090, 'user:closing@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbgbzk2mn795tj806prb0', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbgbzk2mn795tj806prb0","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbgca36ksgb2rsecv6h1c","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.11409Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgsxy7h870ne3kn38fwc', 'grant.ended', 1795413078223733, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbfxcck2hnr65fp1r4ehw', 'grt_06h0dxbfxdm996456wx2aceq4w', 'bnd_06h0dxbfxdmzpyn06rjw611ej4', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbfxdmzpyn06rjw611ej4","channel":"api","data":{"end_reason":"revoked","expires_at":"2027-11-23T05:51:17.995794Z","starts_at":"2026-11-23T05:51:17.995794Z"},"decision_id":"dec_06h0dxbfxdwems96e5p143dtdc","grant_id":"grt_06h0dxbfxdm996456wx2aceq4w","http_request_id":"APPSREF5H7FLYYPLBB64WD74ID","id":"evt_06h0dxbgsxy7h870ne3kn38fwc","request_id":"req_06h0dxbfxcck2hnr65fp1r4ehw","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:18.223733Z","type":"grant.ended","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgsyyhb11040snzg19r8', 'binding.desired', 1795413078223733, 'user:refused@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0dxbfxdmzpyn06rjw611ej4', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbfxdmzpyn06rjw611ej4","channel":"api","data":{"desired":"absent","generation":2,"observed":"present"},"decision_id":null,"grant_id":null,"http_request_id":"APPSREF5H7FLYYPLBB64WD74ID","id":"evt_06h0dxbgsyyhb11040snzg19r8","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:18.223733Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbgttdww2vtn35v545p8g', 'binding.attempted', 1795413078230380, 'user:refused@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbfxdmzpyn06rjw611ej4', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbfxdmzpyn06rjw611ej4","channel":null,"data":{"attempt":1,"generation":2,"target":"c00","verb":"access.deprovision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbgttdww2vtn35v545p8g","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"refused@example.com","type":"user"},"time":"2026-11-23T05:51:18.23038Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbkjfghcfjr75qemtaaf0', 'grant.ended', 1795413078931888, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbgbyewyh2mrhbp87mwx0', 'grt_06h0dxbgbyr83hgsrmmg3ebqrm', 'bnd_06h0dxbgbzk2mn795tj806prb0', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbgbzk2mn795tj806prb0","channel":"api","data":{"end_reason":"revoked","expires_at":"2027-11-23T05:51:18.111089Z","starts_at":"2026-11-23T05:51:18.111089Z"},"decision_id":"dec_06h0dxbgbvefd22fbykbyzjt7g","grant_id":"grt_06h0dxbgbyr83hgsrmmg3ebqrm","http_request_id":"BEG6FD37NG3QLWNN7H6XLZYF6P","id":"evt_06h0dxbkjfghcfjr75qemtaaf0","request_id":"req_06h0dxbgbyewyh2mrhbp87mwx0","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.931888Z","type":"grant.ended","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbkjesnqt1wktdwbzfa0g', 'binding.desired', 1795413078931888, 'user:closing@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0dxbgbzk2mn795tj806prb0', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbgbzk2mn795tj806prb0","channel":"api","data":{"desired":"absent","generation":2,"observed":"present"},"decision_id":null,"grant_id":null,"http_request_id":"BEG6FD37NG3QLWNN7H6XLZYF6P","id":"evt_06h0dxbkjesnqt1wktdwbzfa0g","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.931888Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbkjsscywchcnayfjcfm0', 'binding.attempted', 1795413078934936, 'user:closing@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbgbzk2mn795tj806prb0', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbgbzk2mn795tj806prb0","channel":null,"data":{"attempt":1,"generation":2,"target":"c00","verb":"access.deprovision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbkjsscywchcnayfjcfm0","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"closing@example.com","type":"user"},"time":"2026-11-23T05:51:18.934936Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbmdmyghe3m876ntq204r', 'binding.attempted', 1795413079149349, 'user:expired@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbmd5vqm3k08frcbarwm8', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbmd5vqm3k08frcbarwm8","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbmdmyghe3m876ntq204r","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T05:51:19.149349Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbkzr74x74vk19mqwswm8', 'binding.desired', 1795413079038552, 'user:opening@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0dxbkztzw9ab1dmjg8zxafg', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbkztzw9ab1dmjg8zxafg","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"7ABDJESKZ2RNCFKGXMSM2HXJRC","id":"evt_06h0dxbkzr74x74vk19mqwswm8","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T05:51:19.038552Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbm0cdfwx13sf7ng71bzg', 'binding.attempted', 1795413079043524, 'user:opening@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbkztzw9ab1dmjg8zxafg', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbkztzw9ab1dmjg8zxafg","channel":null,"data":{"attempt":1,"generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbm0cdfwx13sf7ng71bzg","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"opening@example.com","type":"user"},"time":"2026-11-23T05:51:19.043524Z","type":"binding.attempted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbmd5q0crywasxd4wpjtr', 'request.submitted', 1795413079145404, 'user:expired@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbmd5cypgpp29ztx17tf8', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","emergency":false,"for":"2s","reason":"upgrade","reasons":["let_in"],"requester":"user:operator@example.com","while":null},"decision_id":"dec_06h0dxbmd1mrxx3bkgwd1dv2p8","grant_id":null,"http_request_id":"VWNZFYL6RUOONXK4B2TCEYEAKV","id":"evt_06h0dxbmd5q0crywasxd4wpjtr","request_id":"req_06h0dxbmd5cypgpp29ztx17tf8","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T05:51:19.145404Z","type":"request.submitted","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbmd427xp62288a548p3m', 'request.approved', 1795413079145404, 'user:expired@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbmd5cypgpp29ztx17tf8', NULL, NULL, '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":null,"channel":"api","data":{"effect":"allow","reasons":["let_in"]},"decision_id":"dec_06h0dxbmd1mrxx3bkgwd1dv2p8","grant_id":null,"http_request_id":"VWNZFYL6RUOONXK4B2TCEYEAKV","id":"evt_06h0dxbmd427xp62288a548p3m","request_id":"req_06h0dxbmd5cypgpp29ztx17tf8","resource":{"id":"c00","type":"customer"},"revision":"1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5","source":"127.0.0.1","subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T05:51:19.145404Z","type":"request.approved","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbmd5bejfezdvpa5gm8wm', 'grant.started', 1795413079145404, 'user:expired@example.com', 'customer:c00', 'user:operator@example.com', 'req_06h0dxbmd5cypgpp29ztx17tf8', 'grt_06h0dxbmd44jspact66b3731a4', 'bnd_06h0dxbmd5vqm3k08frcbarwm8', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbmd5vqm3k08frcbarwm8","channel":"api","data":{"expires_at":"2026-11-23T05:51:21.145404Z","starts_at":"2026-11-23T05:51:19.145404Z"},"decision_id":"dec_06h0dxbmd1mrxx3bkgwd1dv2p8","grant_id":"grt_06h0dxbmd44jspact66b3731a4","http_request_id":"VWNZFYL6RUOONXK4B2TCEYEAKV","id":"evt_06h0dxbmd5bejfezdvpa5gm8wm","request_id":"req_06h0dxbmd5cypgpp29ztx17tf8","resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T05:51:19.145404Z","type":"grant.started","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbmd5gke8dwwf978yqp2r', 'binding.desired', 1795413079145404, 'user:expired@example.com', 'customer:c00', 'user:operator@example.com', NULL, NULL, 'bnd_06h0dxbmd5vqm3k08frcbarwm8', '{"action":{"name":"debug"},"actor":{"id":"operator@example.com","type":"user"},"binding_id":"bnd_06h0dxbmd5vqm3k08frcbarwm8","channel":"api","data":{"desired":"present","generation":1,"observed":"absent"},"decision_id":null,"grant_id":null,"http_request_id":"VWNZFYL6RUOONXK4B2TCEYEAKV","id":"evt_06h0dxbmd5gke8dwwf978yqp2r","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":"127.0.0.1","subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T05:51:19.145404Z","type":"binding.desired","version":1}');
INSERT INTO public.audit_events VALUES ('evt_06h0dxbme74p2y3wj0qgt777jw', 'binding.provisioned', 1795413079153423, 'user:expired@example.com', 'customer:c00', NULL, NULL, NULL, 'bnd_06h0dxbmd5vqm3k08frcbarwm8', '{"action":{"name":"debug"},"actor":null,"binding_id":"bnd_06h0dxbmd5vqm3k08frcbarwm8","channel":null,"data":{"attempt":1,"due_at":"2026-11-23T05:51:19.145404Z","generation":1,"target":"c00","verb":"access.provision"},"decision_id":null,"grant_id":null,"http_request_id":null,"id":"evt_06h0dxbme74p2y3wj0qgt777jw","request_id":null,"resource":{"id":"c00","type":"customer"},"revision":null,"source":null,"subject":{"id":"expired@example.com","type":"user"},"time":"2026-11-23T05:51:19.153423Z","type":"binding.provisioned","version":1}');
INSERT INTO public.audit_head VALUES (1, 55);
INSERT INTO public.audit_log VALUES (1, 'evt_06h0dxbf352t0a42k790kpg7j8', '68f4228dca69b7261323e25616434fecbf3dbd8c9f588fbf06975e2011d67990');
INSERT INTO public.audit_log VALUES (2, 'evt_06h0dxbf3y36csphrznfn61emw', '761b6f06260deab4e0472f8746084597fe18c81188a8b6b616132bc0ccf71cfb');
INSERT INTO public.audit_log VALUES (3, 'evt_06h0dxbf3x8gq9vssy99tj7r08', '34b61abcb3e7fb0c81addeb4daa4e5b47479c241465d8e67a147ff5985b29554');
INSERT INTO public.audit_log VALUES (4, 'evt_06h0dxbf3wrt2v2se7zzjw4hrc', 'a75967b93492c90fa379b09a8c1f101648f22af9870337a24f53481f8a1c2972');
INSERT INTO public.audit_log VALUES (5, 'evt_06h0dxbf3z83qx0zfphwv9vh9r', 'd3b99b4debc3232a3e40e0fd7decba9d3f6dc0155e4f515f2fb2242d3505cc58');
INSERT INTO public.audit_log VALUES (6, 'evt_06h0dxbf3wq7hp5gbq18f95t10', '97b70aa2e646927fab79cafe9abba2168707f4d23169c7b86fb6026bb01dde83');
INSERT INTO public.audit_log VALUES (7, 'evt_06h0dxbf47q242reaxfwf308t8', '603eec03d9a19c0de216e9b2616de65fa3574ca93e5c997db60703ac7cbce105');
INSERT INTO public.audit_log VALUES (8, 'evt_06h0dxbf47aahf2v8jc849yed0', '34314380ff19a7bb8ff3c4aa992554dd4f0c9265752bcef8a4687356bc8813c3');
INSERT INTO public.audit_log VALUES (9, 'evt_06h0dxbf4czy7tcx5r3ksqb2ng', 'd960da7f7f4a689a801e529e2cc890e41acd4b3b84f6a06609868bfb72c597f3');
INSERT INTO public.audit_log VALUES (10, 'evt_06h0dxbf8k2r85f70mp7wqpvwr', '0d642816795c202d5034676e0063eb8f20e0042c0d1ea7ed1e560c9cad294570');
INSERT INTO public.audit_log VALUES (11, 'evt_06h0dxbf8kvvq4d4gsaerqa3cg', '4e75b7d7eff4e433faa71a449efced51baa80adc1c5df6e5ce1e5571b1bc2387');
INSERT INTO public.audit_log VALUES (12, 'evt_06h0dxbf8g40eqnpa1wvpyj2qc', 'd4002aa702874b501465091e1a89098f84c1df43ed5b1fad7a7d11fee96fd891');
INSERT INTO public.audit_log VALUES (13, 'evt_06h0dxbf8gjxyf9rabt6mywgzw', '06c41dd930b4b50691290325f8ef391fc26e0693882f28f3b51f7e64e07da56a');
INSERT INTO public.audit_log VALUES (14, 'evt_06h0dxbfadpp0bdcmnkkrk9rbc', 'bd3008e23e23f1111f5f6d6a173c64c2ebcbb07a327020c25cf3570ee6e0c252');
INSERT INTO public.audit_log VALUES (15, 'evt_06h0dxbfcpzvqfg7asqs0dakz8', '170346e123346cb51ad1599e488f3862468adb4d3827185eed0ebb8b64b14dd8');
INSERT INTO public.audit_log VALUES (16, 'evt_06h0dxbfsrkrcbrby6m79xme58', '921d341f313b412259f1d67b8e5674fcf1a32b24838a1e68c2e62aefcaa76628');
INSERT INTO public.audit_log VALUES (17, 'evt_06h0dxbfsspxahtj1fct7tzw1c', '51f5879e76e81c89d85d326d0222f8d5ca56c6c2a917f29b954d63830254164b');
INSERT INTO public.audit_log VALUES (18, 'evt_06h0dxbfssj6ckrphxrffbqh5c', 'cd01a12911053ed57bd81418c3e81337a8cd82d92bb36c9b065f28eabf616e73');
INSERT INTO public.audit_log VALUES (19, 'evt_06h0dxbfstgwmybybd9qdv1qjw', '7d5c579bf6a1bf8d28d50289d7d98c218d2ee808cc680785f06927b7f050f118');
INSERT INTO public.audit_log VALUES (20, 'evt_06h0dxbftcbt6ng3kmwg8s2jcc', '02237b8c468004daefe55c18e8b787b347251c1a7357050e25010c5e30513eae');
INSERT INTO public.audit_log VALUES (21, 'evt_06h0dxbftxpha8d00k7zb66yq0', '290a07ae95343f7d4537a9ad8ff6d8f2655a0af6b43498e97d5235d8ac89a686');
INSERT INTO public.audit_log VALUES (22, 'evt_06h0dxbfvhrg2v35yzdaheerer', 'f351c51329b21357fe347313fcf89184d0e75ba35642e7a245e1ad11049c6f5e');
INSERT INTO public.audit_log VALUES (23, 'evt_06h0dxbfwb1n35hczymg883a6m', 'fcaae4acec5dfba68c61867cbe0046f46907feb15f0fcfb0ddd68d8712ad02c3');
INSERT INTO public.audit_log VALUES (24, 'evt_06h0dxbfwb91a18vhgq1het4ar', 'c5addacc5518ffea52b603775cbed434d9f4c0d8b645dce029cd0b3d53f3e89a');
INSERT INTO public.audit_log VALUES (25, 'evt_06h0dxbfw98pjtehc06hg8728c', '0ff53360e0428ec1f12561273bc0612c43a2f7814cea2d77741a909279f59b98');
INSERT INTO public.audit_log VALUES (26, 'evt_06h0dxbfxe8gcrant0sm0cw4vr', 'd4a3a2bdf8226dff28499cb023c5e9eb3967fdc2628d3d0829a45077cdce4413');
INSERT INTO public.audit_log VALUES (27, 'evt_06h0dxbfxd4zr40kg9rpaa9s64', 'b3ef0e68b829c32830202b69c467dc2d21e0884a000724fafef811061ecb9882');
INSERT INTO public.audit_log VALUES (28, 'evt_06h0dxbfxdxmyvh4z315f0bygw', 'd65a55fec90817504dffe3c40b103c09e54ace89ed891e43fb69818a5b564db0');
INSERT INTO public.audit_log VALUES (29, 'evt_06h0dxbfxd6brztnf2415583pr', '7cc5013bcbfb19eb3d9b3f811f2f0594ead4ef1143ed2fbd2cd11a1f5f6aa108');
INSERT INTO public.audit_log VALUES (30, 'evt_06h0dxbfy9aq2rbwv3557c8v2w', 'ad400e37f60ceff595acb33bab214c9421225a74fb4d103f1899bd2386f4c152');
INSERT INTO public.audit_log VALUES (31, 'evt_06h0dxbfyzf8yj6q879bc0kyvr', 'a1774b2cbf58d96c4f35a2a543d03929626eca62def8edc037e7efeaed22e39e');
INSERT INTO public.audit_log VALUES (32, 'evt_06h0dxbgbw8cxg7922qjkpwv5w', 'ef958540a3d72268874fc75094cf53b50ad0deec2147c4af76ef2526ea80ef20');
INSERT INTO public.audit_log VALUES (33, 'evt_06h0dxbgbxd56yhefh5nas43dc', 'f7f522844af3cb4aaccdfd8e99e4118365324ceaa578f68fe7fe2f1f897f6f49');
INSERT INTO public.audit_log VALUES (34, 'evt_06h0dxbgbypn2apn18qscxk7d4', '2f649566df2633660e48cc20916c841b18023fda7f5c1a644c781b0c426a5179');
INSERT INTO public.audit_log VALUES (35, 'evt_06h0dxbgbwy15tjbh4ayycvzk4', '67b81bf7bd15f2613051937a90cdb5feb9f70897a9e7f6b2c12861e0bf3086f2');
INSERT INTO public.audit_log VALUES (36, 'evt_06h0dxbgca36ksgb2rsecv6h1c', 'df8038cd01f85636dbcb44de50aa6732208aa1240d57cca0aacf86dc77dcf855');
INSERT INTO public.audit_log VALUES (37, 'evt_06h0dxbgcwexkdg9pnxzgk7p58', 'e06accb39d6a2c03868ad7fbd6d9b1d74b6d33bd6f2b9173e223d9fbfe1cb498');
INSERT INTO public.audit_log VALUES (38, 'evt_06h0dxbgsxy7h870ne3kn38fwc', '717f114aaf6a00f23734bd9298e6b3090fafde655f4962eaa72fd99a925c4766');
INSERT INTO public.audit_log VALUES (39, 'evt_06h0dxbgsyyhb11040snzg19r8', '812d2ed4baa45629466ac5eade358b715cc37d9a4a28eb55455ffe9b67604eef');
INSERT INTO public.audit_log VALUES (40, 'evt_06h0dxbgttdww2vtn35v545p8g', 'a6cd2512f30c71a0e93792f72dbe37c2a30f6f7748d1ca27b886d37b22d14114');
INSERT INTO public.audit_log VALUES (41, 'evt_06h0dxbk79jdhegndzjngndnvc', 'c0129734c5e2f5c89ff7eb0789c1e18f24dbde70f24e056f23356cc2d24271d2');
INSERT INTO public.audit_log VALUES (42, 'evt_06h0dxbkjfghcfjr75qemtaaf0', '58490e8495ac235d0d78c2ef12edd6bbe55a926bdf040e6cea391c2a215377a2');
INSERT INTO public.audit_log VALUES (43, 'evt_06h0dxbkjesnqt1wktdwbzfa0g', '627364a2be3fb0e5a771cb1b407c429d71e7e8185c9c05d6ecf3372ac7ec0f93');
INSERT INTO public.audit_log VALUES (44, 'evt_06h0dxbkjsscywchcnayfjcfm0', '10676a412bed34b0d660170b7024f9367bccafab50260e6660de5bd507fe14b7');
INSERT INTO public.audit_log VALUES (45, 'evt_06h0dxbkzv23vapyx1k3wxs11g', 'a35048e70fcab6118bebd7e2a2a0862511711165e8dcd670cd608b407226b514');
INSERT INTO public.audit_log VALUES (46, 'evt_06h0dxbkzt149gy6z5561qp7m4', '9a9afe393bd63d0a598908612750924ea43304366e6944b8bdd47f700ea0a4f1');
INSERT INTO public.audit_log VALUES (47, 'evt_06h0dxbkztfgzby4a1tq6ddagm', 'd09c1e28a0f978802889cac0f8f7e2b32ae9308335f533478333fd9a02b0fd58');
INSERT INTO public.audit_log VALUES (48, 'evt_06h0dxbkzr74x74vk19mqwswm8', '6c0dd1d729a5b263dbf902d545d43d967736cbb3919ed550e03b5d0a2828ef1f');
INSERT INTO public.audit_log VALUES (49, 'evt_06h0dxbm0cdfwx13sf7ng71bzg', 'bf566fee3e21481260877f05cd6c12703f6524db3a5748f02e147f53fe6b2a4c');
INSERT INTO public.audit_log VALUES (50, 'evt_06h0dxbmd5q0crywasxd4wpjtr', '634d0bbfd8431070b1f25162e3c8f5de09c992389cfd2b6bda6293b60ad9693d');
INSERT INTO public.audit_log VALUES (51, 'evt_06h0dxbmd427xp62288a548p3m', 'f59f8d78c046ddefa2a2ce2267250fd09db9ea072203cc9482086ac2c2f8f2f6');
INSERT INTO public.audit_log VALUES (52, 'evt_06h0dxbmd5bejfezdvpa5gm8wm', '8b8d28e1f7006adba5b2c7b76c6773a50a5ea3b02e8611143d2e5a18eb614db1');
INSERT INTO public.audit_log VALUES (53, 'evt_06h0dxbmd5gke8dwwf978yqp2r', 'cc6eff9427ebb8870de2fa2d102b79be241b0bcca5d31856a189b441d3a23095');
INSERT INTO public.audit_log VALUES (54, 'evt_06h0dxbmdmyghe3m876ntq204r', '8db2782870c5e4806f18e8bc0bbc5726b2260d0fcfcf9462e4814812df497f37');
INSERT INTO public.audit_log VALUES (55, 'evt_06h0dxbme74p2y3wj0qgt777jw', '7332e8d21406b10b355319b05ea2d204cb2f9ee2be39b2eec4ba4b9db8edaf0c');
INSERT INTO public.bindings VALUES ('bnd_06h0dxbf8jdevs71xzwyfn2efm', 'user:holder@example.com', 'debug', 'customer:c00', 'c00', 'b7c3c9f686a969e2b2160d88de9d09422db5e8db965702d39c9ecae05134cddb', 'present', 'present', 1, 1, 1, NULL, NULL, NULL, NULL, 'confirmed', '', 1795413077861217, NULL, NULL, 0, 0);
INSERT INTO public.bindings VALUES ('bnd_06h0dxbfstps9d9t7ec50qp6ar', 'user:leaver@example.com', 'debug', 'customer:c01', 'c01', '76876512b2d1b2a49a5a93aed7db8aee54d8628c9df27789748dfbc2e7436ad9', 'present', 'present', 1, 1, 1, NULL, NULL, NULL, NULL, 'confirmed', '', 1795413077975504, NULL, NULL, 0, 0);
INSERT INTO public.bindings VALUES ('bnd_06h0dxbfwaw8e199wjzpk6w6mm', 'user:scheduled@example.com', 'debug', 'customer:c00', 'c00', 'b7c3c9f686a969e2b2160d88de9d09422db5e8db965702d39c9ecae05134cddb', 'absent', 'absent', 1, 0, 0, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, 0, 0);
INSERT INTO public.bindings VALUES ('bnd_06h0dxbfxdmzpyn06rjw611ej4', 'user:refused@example.com', 'debug', 'customer:c00', 'c00', 'b7c3c9f686a969e2b2160d88de9d09422db5e8db965702d39c9ecae05134cddb', 'absent', 'unknown', 2, 2, 1, 1795413162833795, NULL, 1795413078223733, 'revoked', 'refused', 'answered 503 Service Unavailable', 1795413078007818, 1795413078842715, NULL, 0, 1795413148230380);
INSERT INTO public.bindings VALUES ('bnd_06h0dxbgbzk2mn795tj806prb0', 'user:closing@example.com', 'debug', 'customer:c00', 'c00', 'b7c3c9f686a969e2b2160d88de9d09422db5e8db965702d39c9ecae05134cddb', 'absent', 'unknown', 2, 2, 1, 1795413148934936, 'gateway_06h0dxbkjvzrb7pbb8vp2p1c48', 1795413078931888, 'revoked', NULL, '', 1795413078119641, NULL, NULL, 0, 1795413148934936);
INSERT INTO public.bindings VALUES ('bnd_06h0dxbkztzw9ab1dmjg8zxafg', 'user:opening@example.com', 'debug', 'customer:c00', 'c00', 'b7c3c9f686a969e2b2160d88de9d09422db5e8db965702d39c9ecae05134cddb', 'present', 'unknown', 1, 1, 1, 1795413149043524, 'gateway_06h0dxbm0f7pyjp8bbkcqt77s0', 1795413079038552, NULL, NULL, '', NULL, NULL, NULL, 1795413149043524, 0);
INSERT INTO public.bindings VALUES ('bnd_06h0dxbmd5vqm3k08frcbarwm8', 'user:expired@example.com', 'debug', 'customer:c00', 'c00', 'b7c3c9f686a969e2b2160d88de9d09422db5e8db965702d39c9ecae05134cddb', 'present', 'present', 1, 1, 1, NULL, NULL, NULL, NULL, 'confirmed', '', 1795413079153423, NULL, NULL, 0, 0);
INSERT INTO public.clock VALUES (1, 0);
INSERT INTO public.decisions VALUES ('dec_06h0dxbf89b2nn6x0ksrbm59yw', 'request', 'allow', '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '{"subject":{"type":"user","id":"holder@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T05:51:17.82653Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795413077826530, 695);
INSERT INTO public.decisions VALUES ('dec_06h0dxbfstbr4ktxxygnszh664', 'request', 'allow', '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '{"subject":{"type":"user","id":"leaver@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c01","properties":{"owner":"c01"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T05:51:17.966155Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795413077966155, 454);
INSERT INTO public.decisions VALUES ('dec_06h0dxbfvj1n2619c2k8jpch9g', 'request', 'review', '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '{"subject":{"type":"user","id":"asker@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T05:51:17.980071Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"ask somebody","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"review","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}],"lapse_seconds":31536000,"reviewers":{"groups":["security"],"quorum":1}}', 1795413077980071, 365);
INSERT INTO public.decisions VALUES ('dec_06h0dxbfwazvwdzd0b8yrph1wc', 'request', 'allow', '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '{"subject":{"type":"user","id":"scheduled@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T05:51:17.986352Z","for_seconds":31536000,"while":null,"starts_at":"2027-05-24T17:51:17.984682Z","reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795413077986352, 291);
INSERT INTO public.decisions VALUES ('dec_06h0dxbfxdwems96e5p143dtdc', 'request', 'allow', '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '{"subject":{"type":"user","id":"refused@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T05:51:17.995281Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795413077995281, 324);
INSERT INTO public.decisions VALUES ('dec_06h0dxbgbvefd22fbykbyzjt7g', 'request', 'allow', '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '{"subject":{"type":"user","id":"closing@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T05:51:18.110508Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795413078110508, 448);
INSERT INTO public.decisions VALUES ('dec_06h0dxbkzt8qt6xkn2p7dtny3m', 'request', 'allow', '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '{"subject":{"type":"user","id":"opening@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T05:51:19.038118Z","for_seconds":31536000,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795413079038118, 296);
INSERT INTO public.decisions VALUES ('dec_06h0dxbmd1mrxx3bkgwd1dv2p8', 'request', 'allow', '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '{"subject":{"type":"user","id":"expired@example.com","properties":{"groups_known":false}},"requester":{"type":"user","id":"operator@example.com"},"action":{"name":"debug"},"resource":{"type":"customer","id":"c00","properties":{"owner":"c00"},"durations_seconds":[2,3600,31536000],"while":[]},"context":{"now":"2026-11-23T05:51:19.14498Z","for_seconds":2,"while":null,"starts_at":null,"reason":"upgrade","emergency":false,"channel":"api","phase":"request","oncall":{"known":false},"incidents":{"known":false},"grants":[]}}', '{"effect":"allow","reasons":[{"code":"let_in","title":"Let in","detail":"So says the story."}]}', 1795413079144980, 273);
INSERT INTO public.duties VALUES ('lease.mend', 'node_06h0dxbf0904ct1v76zj0hewv8', 1795413107817355);
INSERT INTO public.duties VALUES ('recheck', 'node_06h0dxbf0904ct1v76zj0hewv8', 1795413107851924);
INSERT INTO public.grants VALUES ('grt_06h0dxbf8kbkgn1ddhhcdb9mfr', 'req_06h0dxbf8gf7jcstzbvsxh6w8m', 'bnd_06h0dxbf8jdevs71xzwyfn2efm', 'user:holder@example.com', 'debug', 'customer:c00', NULL, 1795413077828293, 1826949077828293, 'dec_06h0dxbf89b2nn6x0ksrbm59yw', 1795413077828293, NULL, NULL, 'grant', 'scheduled', 'active', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0dxbfsvxxah7knarwfrep5r', 'req_06h0dxbfsvhzeyaervmpqppynm', 'bnd_06h0dxbfstps9d9t7ec50qp6ar', 'user:leaver@example.com', 'debug', 'customer:c01', NULL, 1795413077966774, 1826949077966774, 'dec_06h0dxbfstbr4ktxxygnszh664', 1795413077966774, NULL, NULL, 'grant', 'scheduled', 'active', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0dxbfw89788497sje4zpkd8', 'req_06h0dxbfw9mmfnhw5phh1b65tg', 'bnd_06h0dxbfwaw8e199wjzpk6w6mm', 'user:scheduled@example.com', 'debug', 'customer:c00', NULL, 1811181077984682, 1842717077984682, 'dec_06h0dxbfwazvwdzd0b8yrph1wc', 1795413077986817, NULL, NULL, 'grant', NULL, 'scheduled', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0dxbfxdm996456wx2aceq4w', 'req_06h0dxbfxcck2hnr65fp1r4ehw', 'bnd_06h0dxbfxdmzpyn06rjw611ej4', 'user:refused@example.com', 'debug', 'customer:c00', NULL, 1795413077995794, 1826949077995794, 'dec_06h0dxbfxdwems96e5p143dtdc', 1795413077995794, 1795413078223733, 'revoked', 'grant', 'active', 'ended', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0dxbgbyr83hgsrmmg3ebqrm', 'req_06h0dxbgbyewyh2mrhbp87mwx0', 'bnd_06h0dxbgbzk2mn795tj806prb0', 'user:closing@example.com', 'debug', 'customer:c00', NULL, 1795413078111089, 1826949078111089, 'dec_06h0dxbgbvefd22fbykbyzjt7g', 1795413078111089, 1795413078931888, 'revoked', 'grant', 'active', 'ended', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0dxbkzv1bchw01wexvaz6d0', 'req_06h0dxbkzv3ptyym46hs987sj8', 'bnd_06h0dxbkztzw9ab1dmjg8zxafg', 'user:opening@example.com', 'debug', 'customer:c00', NULL, 1795413079038552, 1826949079038552, 'dec_06h0dxbkzt8qt6xkn2p7dtny3m', 1795413079038552, NULL, NULL, 'grant', 'scheduled', 'active', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.grants VALUES ('grt_06h0dxbmd44jspact66b3731a4', 'req_06h0dxbmd5cypgpp29ztx17tf8', 'bnd_06h0dxbmd5vqm3k08frcbarwm8', 'user:expired@example.com', 'debug', 'customer:c00', NULL, 1795413079145404, 1795413081145404, 'dec_06h0dxbmd1mrxx3bkgwd1dv2p8', 1795413079145404, NULL, NULL, 'grant', 'scheduled', 'active', NULL, NULL, 0, 0, NULL, NULL);
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
INSERT INTO public.people VALUES ('user:operator@example.com', 'file', '["admins"]', '[]', '', '', 1795413077791033);
INSERT INTO public.people VALUES ('user:security@example.com', 'file', '["security"]', '[]', '', '', 1795413077791033);
INSERT INTO public.people VALUES ('user:guard@example.com', 'file', '["security"]', '[]', '', '', 1795413077791033);
INSERT INTO public.people VALUES ('user:alice@example.com', 'file', '[]', '[]', '', '', 1795413077791033);
INSERT INTO public.people VALUES ('user:bob@example.com', 'file', '[]', '[]', '', '', 1795413077791033);
INSERT INTO public.policy_active VALUES (1, '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', '', 'directory /tmp/curfew-566287719/policies', 1795413077785965);
INSERT INTO public.policy_recheck VALUES (1, '1606ffec95a62e5a7c4c18333a0149ea1cd710ac7a447dde8d0c10c3151e5de5', 'done', '');
INSERT INTO public.request_reviewers VALUES ('req_06h0dxbfvgb9wnxtrxa2z1m4g4', 'group:security');
INSERT INTO public.requests VALUES ('req_06h0dxbf8gf7jcstzbvsxh6w8m', 'user:holder@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0dxbf89b2nn6x0ksrbm59yw', NULL, 1795413077828293, 1795413077828293, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0dxbfsvhzeyaervmpqppynm', 'user:leaver@example.com', 'user:operator@example.com', 'debug', 'customer:c01', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0dxbfstbr4ktxxygnszh664', NULL, 1795413077966774, 1795413077966774, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0dxbfvgb9wnxtrxa2z1m4g4', 'user:asker@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'ask somebody', 0, 'api', 'dec_06h0dxbfvj1n2619c2k8jpch9g', 1826949077980619, 1795413077980619, NULL, 'request', NULL, 'pending', 0, 1795413977980619, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0dxbfw9mmfnhw5phh1b65tg', 'user:scheduled@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, 1811181077984682, 'upgrade', 0, 'api', 'dec_06h0dxbfwazvwdzd0b8yrph1wc', NULL, 1795413077986817, 1795413077986817, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0dxbfxcck2hnr65fp1r4ehw', 'user:refused@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0dxbfxdwems96e5p143dtdc', NULL, 1795413077995794, 1795413077995794, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0dxbgbyewyh2mrhbp87mwx0', 'user:closing@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0dxbgbvefd22fbykbyzjt7g', NULL, 1795413078111089, 1795413078111089, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0dxbkzv3ptyym46hs987sj8', 'user:opening@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 31536000, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0dxbkzt8qt6xkn2p7dtny3m', NULL, 1795413079038552, 1795413079038552, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.requests VALUES ('req_06h0dxbmd5cypgpp29ztx17tf8', 'user:expired@example.com', 'user:operator@example.com', 'debug', 'customer:c00', 2, NULL, NULL, 'upgrade', 0, 'api', 'dec_06h0dxbmd1mrxx3bkgwd1dv2p8', NULL, 1795413079145404, 1795413079145404, 'request', 'pending', 'approved', 0, NULL, 0, NULL, NULL);
INSERT INTO public.resources VALUES ('customer:c00', 'seed', 'upgrade', '{"owner":"c00"}', '[{"action":"debug","durations":["2s","1h","8760h"],"target":"c00"}]', 1795413077793220, NULL, '
upgrade
customer:c00');
INSERT INTO public.resources VALUES ('customer:c01', 'seed', 'upgrade', '{"owner":"c01"}', '[{"action":"debug","durations":["2s","1h","8760h"],"target":"c01"}]', 1795413077793220, NULL, '
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
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);
CREATE INDEX access_callbacks_open ON public.access_callbacks USING btree (next_at) WHERE (outcome IS NULL);
CREATE INDEX audit_events_binding ON public.audit_events USING btree (binding_id) WHERE (binding_id IS NOT NULL);
CREATE INDEX audit_events_grant ON public.audit_events USING btree (grant_id) WHERE (grant_id IS NOT NULL);
CREATE INDEX audit_events_request ON public.audit_events USING btree (request_id) WHERE (request_id IS NOT NULL);
CREATE INDEX audit_events_resource ON public.audit_events USING btree (resource) WHERE (resource IS NOT NULL);
CREATE INDEX audit_events_subject ON public.audit_events USING btree (subject) WHERE (subject IS NOT NULL);
CREATE INDEX bindings_claimed ON public.bindings USING btree (id) WHERE (claim IS NOT NULL);
CREATE INDEX bindings_due ON public.bindings USING btree (contract, next_at) WHERE (next_at IS NOT NULL);
CREATE INDEX bindings_needing ON public.bindings USING btree (target, contract) WHERE ((next_at IS NOT NULL) OR (desired = 'present'::text) OR (observed <> 'absent'::text));
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
CREATE INDEX resources_source ON public.resources USING btree (source);
CREATE UNIQUE INDEX tasks_one_flag ON public.tasks USING btree (grant_id) WHERE ((state = 'open'::text) AND (kind = 'flag'::text));
CREATE INDEX tasks_open ON public.tasks USING btree (kind, id) WHERE (state = 'open'::text);
CREATE INDEX tasks_remind ON public.tasks USING btree (remind_at) WHERE ((state = 'open'::text) AND (remind_at IS NOT NULL));
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
