package api_test

import data.api

_alice := {"type": "user", "id": "alice@example.com"}

_bob := {"type": "user", "id": "bob@example.com"}

test_allowed[note] if {
	some note, tc in {
		"ask what policy would say of oneself": [[], "decision.ask", {"subject": _alice}],
		"ask for oneself": [[], "request.submit", {"subject": _alice}],
		"an administrator asks for another": [["admins"], "request.submit", {"subject": _bob}],
		"an administrator does what nobody has thought of": [["admins"], "nobody.thought", {}],
		"list what there is": [[], "resource.list", {}],
		"read what there is": [[], "resource.read", {}],
		"see who is on call": [[], "oncall.list", {"scope": "all"}],
		"list one's own requests": [[], "request.list", {"scope": "own"}],
		"list one's own grants": [[], "grant.list", {"scope": "own"}],
		"security lists all grants": [["security"], "grant.list", {"scope": "all"}],
		"security lists tasks": [["security"], "task.list", {}],
		"auditors read a task": [["auditors"], "task.read", {"subject": _bob}],
		"read a task about one's own access": [[], "task.read", {"subject": _alice}],
		"security closes a task": [["security"], "task.close", {"subject": _bob}],
		"security approves a task": [["security"], "task.approve", {}],
		"an auditor lists all requests": [["auditors"], "request.list", {"scope": "all"}],
		"security lists bindings": [["security"], "binding.list", {}],
		"an auditor lists bindings": [["auditors"], "binding.list", {}],
		"an administrator lists bindings": [["admins"], "binding.list", {}],
		"an auditor reads a binding": [["auditors"], "binding.read", {"subject": _bob}],
		"read the binding of one's own access": [[], "binding.read", {"subject": _alice}],
		"security retries a delivery": [["security"], "binding.retry", {"subject": _bob}],
		"an administrator retries a delivery": [["admins"], "binding.retry", {"subject": _bob}],
		"security asks to declare access gone": [["security"], "binding.force_close", {"subject": _bob}],
		"an administrator asks to declare access gone": [["admins"], "binding.force_close", {"subject": _bob}],
		"an administrator syncs a source": [["admins"], "resource.sync", {"source": "crm"}],
		"a syncer syncs any source": [["syncers"], "resource.sync", {"source": "crm"}],
		"a syncer of one source syncs it": [["crm-jobs"], "resource.sync", {"source": "crm"}],
		"a syncer of one source reads it": [["crm-jobs"], "source.read", {"source": "crm"}],
		"a syncer lists sources": [["syncers"], "source.list", {}],
		"a syncer reads any source": [["syncers"], "source.read", {"source": "aws"}],
		"an auditor lists sources": [["auditors"], "source.list", {}],
		"security reads a source": [["security"], "source.read", {"source": "crm"}],
		"read the request for oneself": [[], "request.read", {"subject": _alice, "requester": _bob}],
		"read the request that one made": [[], "request.read", {"subject": _bob, "requester": _alice}],
		"read the request that one reviews": [[], "request.read", {"subject": _bob, "reviewer": true}],
		"read one's own grant": [[], "grant.read", {"subject": _alice}],
		"an auditor reads any grant": [["auditors"], "grant.read", {"subject": _bob}],
		"review as a reviewer": [[], "request.review", {"subject": _bob, "reviewer": true}],
		"withdraw the request for oneself": [[], "request.withdraw", {"subject": _alice, "requester": _bob}],
		"withdraw the request that one made": [[], "request.withdraw", {"subject": _bob, "requester": _alice}],
		"end one's own grant": [[], "grant.revoke", {"subject": _alice}],
		"security ends any grant": [["security"], "grant.revoke", {"subject": _bob}],
		"check one's own access": [[], "access.evaluate", {"scope": "own"}],
		"an enforcer checks its own access": [["enforcers"], "access.evaluate", {"scope": "own"}],
		"an enforcer checks anybody's access": [["enforcers"], "access.evaluate", {"scope": "all"}],
		"security checks anybody's access": [["security"], "access.evaluate", {"scope": "all"}],
		"an auditor checks anybody's access": [["auditors"], "access.evaluate", {"scope": "all"}],
		"an administrator checks anybody's access": [["admins"], "access.evaluate", {"scope": "all"}],
		"search one's own access": [[], "access.search", {"scope": "own"}],
		"an enforcer searches anybody's access": [["enforcers"], "access.search", {"scope": "all"}],
		"security searches anybody's access": [["security"], "access.search", {"scope": "all"}],
		"an auditor searches anybody's access": [["auditors"], "access.search", {"scope": "all"}],
		"an enforcer queries a decision": [["enforcers"], "data.query", {"path": "access/decision"}],
		"an enforcer queries a part of a decision": [["enforcers"], "data.query", {"path": "access/decision/effect"}],
		"an auditor queries what a decision is made of": [["auditors"], "data.query", {"path": "access/_team"}],
		"an enforcer queries a whole package": [["enforcers"], "data.query", {"path": "check"}],
		"an auditor queries settings": [["auditors"], "data.query", {"path": "curfew/config"}],
		"security queries all there is": [["security"], "data.query", {}],
		"an administrator queries all there is": [["admins"], "data.query", {"path": ""}],
		"an auditor lists decisions": [["auditors"], "decision.list", {}],
		"security lists decisions": [["security"], "decision.list", {}],
		"an administrator lists decisions": [["admins"], "decision.list", {}],
		"an auditor reads a decision": [["auditors"], "decision.read", {}],
		"security reads the audit log": [["security"], "audit.read", {}],
		"an auditor reads the audit log": [["auditors"], "audit.read", {}],
		"an auditor takes the audit log out": [["auditors"], "audit.export", {}],
		"security takes the audit log out": [["security"], "audit.export", {}],
		"an auditor says that an export is kept": [["auditors"], "audit.confirm", {}],
		"security says that an export is kept": [["security"], "audit.confirm", {}],
		"an auditor sees who had access": [["auditors"], "audit.access", {}],
		"security sees who had access": [["security"], "audit.access", {}],
		"an auditor lists sinks": [["auditors"], "sink.list", {}],
		"security lists sinks": [["security"], "sink.list", {}],
		"security has a sink tried again": [["security"], "sink.retry", {}],
		"an administrator has a sink tried again": [["admins"], "sink.retry", {}],
	}

	answer := api.allow with input as _input(_actor(tc[0]), tc[1], tc[2])
		with data.curfew.config as _config
	answer == {"allowed": true}
}

test_denied[note] if {
	some note, tc in {
		"ask what policy would say of another": [[], "decision.ask", {"subject": _bob}, "Ask for yourself"],
		"ask for another": [["security"], "request.submit", {"subject": _bob}, "Ask for yourself"],
		"ask for somebody of another type": [[], "request.submit", _as("service"), "Ask for yourself"],
		"ask for nobody": [[], "request.submit", {}, "Ask for yourself"],
		"list all requests": [[], "request.list", {"scope": "all"}, "List your own requests"],
		"list requests without a scope": [[], "request.list", {}, "List your own requests"],
		"list all grants": [[], "grant.list", {"scope": "all"}, "List your own grants"],
		"read another's request": [[], "request.read", {"subject": _bob, "requester": _bob}, "A request may be read"],
		"read another's grant": [[], "grant.read", {"subject": _bob, "reviewer": false}, "A grant may be read"],
		"review without being a reviewer": [["security"], "request.review", {"reviewer": false}, "Only the reviewers"],
		"review one's own": [[], "request.review", {"subject": _alice, "reviewer": false}, "Only the reviewers"],
		"withdraw another's request": [["security"], "request.withdraw", {"subject": _bob}, "Only its subject"],
		"withdraw as a reviewer": [[], "request.withdraw", {"subject": _bob, "reviewer": true}, "Only its subject"],
		"end another's grant": [["auditors"], "grant.revoke", {"subject": _bob}, "A grant may be ended"],
		"end a grant that one asked for": [[], "grant.revoke", {"requester": _alice}, "A grant may be ended"],
		"check another's access": [[], "access.evaluate", {"scope": "all"}, "Check your own access"],
		"check without a scope": [[], "access.evaluate", {}, "Check your own access"],
		"search another's access": [[], "access.search", {"scope": "all"}, "Search your own access"],
		"search without a scope": [[], "access.search", {}, "Search your own access"],
		"query a decision": [[], "data.query", {"path": "access/decision"}, "Documents are for"],
		"query settings as an enforcer": [["enforcers"], "data.query", {"path": "curfew/config"}, "Documents are for"],
		"query who owns what as an enforcer": [["enforcers"], "data.query", {"path": "teams"}, "Documents are for"],
		"query all there is as an enforcer": [["enforcers"], "data.query", {}, "Documents are for"],
		"query an empty path as an enforcer": [["enforcers"], "data.query", {"path": ""}, "Documents are for"],
		"query a path without a root as an enforcer": [["enforcers"], "data.query", {"path": "/teams"}, "Documents are for"],
		"query who owns what by a rule": [["enforcers"], "data.query", {"path": "access/_team"}, "Documents are for"],
		"query all rules about access": [["enforcers"], "data.query", {"path": "access"}, "Documents are for"],
		"list decisions": [[], "decision.list", {}, "The decision log is for"],
		"list decisions as an enforcer": [["enforcers"], "decision.list", {}, "The decision log is for"],
		"read a decision, even about oneself": [[], "decision.read", {"subject": _alice}, "A decision may be read"],
		"list all grants as an enforcer": [["enforcers"], "grant.list", {"scope": "all"}, "List your own grants"],
		"end another's grant as an enforcer": [["enforcers"], "grant.revoke", {"subject": _bob}, "A grant may be ended"],
		"read the audit log": [[], "audit.read", {}, "The audit log is for"],
		"take the audit log out": [[], "audit.export", {}, "The audit log may be taken out"],
		"take the audit log out as an enforcer": [["enforcers"], "audit.export", {}, "The audit log may be taken out"],
		"say that an export is kept": [[], "audit.confirm", {}, "That an export is kept"],
		"see who had access, even oneself": [[], "audit.access", {"subject": _alice}, "Who had access is for"],
		"list sinks": [[], "sink.list", {}, "Where events are sent"],
		"list sinks as a syncer": [["syncers"], "sink.list", {}, "Where events are sent"],
		"have a sink tried again": [[], "sink.retry", {}, "What was set aside"],
		"have a sink tried again as an auditor": [["auditors"], "sink.retry", {}, "What was set aside"],
		"list bindings": [[], "binding.list", {}, "What exists at targets"],
		"read another's binding": [[], "binding.read", {"subject": _bob}, "A binding may be read by"],
		"read the binding of nobody": [[], "binding.read", {}, "A binding may be read by"],
		"retry the delivery of one's own": [[], "binding.retry", {"subject": _alice}, "A delivery may be tried again"],
		"retry a delivery as an auditor": [["auditors"], "binding.retry", {"subject": _bob}, "A delivery may be tried again"],
		"declare one's own access gone": [[], "binding.force_close", {"subject": _alice}, "Security and administrators may"],
		"declare access gone as an auditor": [["auditors"], "binding.force_close", {}, "Security and administrators may"],
		"sync a source": [[], "resource.sync", {"source": "crm"}, "A source's resources are"],
		"sync a source as security": [["security"], "resource.sync", {"source": "crm"}, "A source's resources are"],
		"sync a source as another's syncer": [["crm-jobs"], "resource.sync", {"source": "aws"}, "A source's resources are"],
		"sync no source as a syncer of one": [["crm-jobs"], "resource.sync", {}, "A source's resources are"],
		"list sources": [[], "source.list", {}, "Sources are for"],
		"list sources as a syncer of one": [["crm-jobs"], "source.list", {}, "Sources are for"],
		"read a source as another's syncer": [["crm-jobs"], "source.read", {"source": "aws"}, "A source may be read by"],
		"list tasks": [[], "task.list", {}, "What waits for a second person is for"],
		"read a task about another's access": [[], "task.read", {"subject": _bob}, "A task may be read by"],
		"close a task about one's own access": [[], "task.close", {"subject": _alice}, "A task may be closed by"],
		"close a task as an auditor": [["auditors"], "task.close", {"subject": _bob}, "A task may be closed by"],
		"approve a task as an auditor": [["auditors"], "task.approve", {}, "What waits for a second person may be"],
		"do what nobody has thought of": [["security"], "nobody.thought", {}, "This is for administrators"],
	}

	answer := api.allow with input as _input(_actor(tc[0]), tc[1], tc[2])
		with data.curfew.config as _config
	answer.allowed == false
	startswith(answer.reason, tc[3])
}

test_nobody_may_do_nothing[note] if {
	some note, actor in {
		"no type": {"id": "alice@example.com", "properties": _admin},
		"no id": {"type": "user", "properties": _admin},
		"empty type": {"type": "", "id": "alice@example.com", "properties": _admin},
		"empty id": {"type": "user", "id": "", "properties": _admin},
		"id is not a text": {"type": "user", "id": 7, "properties": _admin},
	}

	answer := api.allow with input as _input(actor, "resource.list", {})
		with data.curfew.config as _config
	answer.allowed == false
	startswith(answer.reason, "Sign in")
}

test_groups_that_are_not_known_give_nothing if {
	actor := object.union(_alice, {"properties": {"groups_known": false, "groups": ["admins"]}})
	answer := api.allow with input as _input(actor, "audit.read", {})
		with data.curfew.config as _config
	answer.allowed == false
}

test_roles_are_data if {
	answer := api.allow with input as _input(_actor(["staff"]), "audit.read", {})
		with data.curfew.config.roles as {"auditors": ["staff"]}
	answer.allowed == true
}

test_syncers_that_are_no_list_are_nobody[note] if {
	some note, syncers in {
		"a text": "crm-jobs",
		"an object": {"group": "crm-jobs"},
		"nothing": null,
	}

	config := object.union(_config, {"sources": {"crm": {"syncers": syncers}}})
	answer := api.allow with input as _input(_actor(["crm-jobs"]), "resource.sync", {"source": "crm"})
		with data.curfew.config as config
	answer.allowed == false
}

test_syncers_of_a_source_whose_groups_are_not_known_are_nobody if {
	actor := object.union(_alice, {"properties": {"groups_known": false, "groups": ["crm-jobs"]}})
	answer := api.allow with input as _input(actor, "resource.sync", {"source": "crm"})
		with data.curfew.config as _config
	answer.allowed == false
}

test_closed_documents_are_data[note] if {
	some note, tc in {
		"another may be closed": {"closed": ["people"], "path": "people/alice", "allowed": false},
		"and another opened": {"closed": ["people"], "path": "teams/payments", "allowed": true},
		"what is not a list closes all": {"closed": "people", "path": "teams", "allowed": false},
	}

	config := object.union(_config, {"closed_documents": tc.closed})
	answer := api.allow with input as _input(_actor(["enforcers"]), "data.query", {"path": tc.path})
		with data.curfew.config as config
	answer.allowed == tc.allowed
}

# A team that changes the settings runs these tests as well.
_config := {
	"roles": {
		"admins": ["admins"],
		"auditors": ["auditors"],
		"enforcers": ["enforcers"],
		"security": ["security"],
		"syncers": ["syncers"],
	},
	"sources": {"crm": {"syncers": ["crm-jobs"]}},
	"closed_documents": ["curfew", "teams"],
}

_input(actor, operation, about) := {"actor": actor, "operation": operation, "object": about}

_actor(groups) := object.union(_alice, {"properties": {"groups_known": true, "groups": groups}})

_admin := {"groups_known": true, "groups": ["admins"]}

_as(type) := {"subject": {"type": type, "id": "alice@example.com"}}
