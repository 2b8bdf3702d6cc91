package check_test

import data.check

test_decision[note] if {
	some note, tc in {
		"a live grant": [
			{"grants": [{
				"action": {"name": "debug"},
				"resource": {"type": "customer", "id": "acme"},
				"expires_at": "2026-03-02T12:00:00Z",
			}]},
			_yes("live_grant"),
		],
		"no live grant": [{}, _no("no_live_grant")],
		"an auditor reads on a managed device": [_audit({}), _yes("standing_audit")],
		"an auditor reads the other kind": [_audit({"resource": {"type": "ledger", "id": "2026"}}), _yes("standing_audit")],
		"an auditor reads on any device": [
			_audit({"context": {"device": {"managed": false}}}),
			_no("device_not_managed"),
		],
		"an auditor reads, and the device is not known": [_audit({"context": null}), _no("device_not_managed")],
		"an auditor reads, and the device says yes as a text": [
			_audit({"context": {"device": {"managed": "true"}}}),
			_no("device_not_managed"),
		],
		"an auditor writes": [_audit({"action": {"name": "write"}}), _no("no_live_grant")],
		"a program in the group of auditors": [
			_audit({"subject": {"type": "service", "id": "audit-bot", "properties": {"groups": ["auditors"]}}}),
			_no("no_live_grant"),
		],
		"the owner writes a document": [_document("write", {"owner": "alice@example.com"}), _yes("document_owner")],
		"a colleague reads what is published": [
			_document("read", {"status": "published", "department": "sales"}),
			_yes("document_published"),
		],
		"a colleague reads a draft": [
			_document("read", {"status": "draft", "department": "sales"}),
			_no("document_closed"),
		],
		"a colleague writes what is published": [
			_document("write", {"status": "published", "department": "sales"}),
			_no("document_closed"),
		],
		"another department reads what is published": [
			_document("read", {"status": "published", "department": "legal"}),
			_no("document_closed"),
		],
		"a document without properties": [_document("read", {}), _no("document_closed")],
		"a document and a subject that are both nobody's": [
			object.union(_document("write", {"owner": null}), {"subject": {"type": "user", "id": null}}),
			_no("document_closed"),
		],
	}

	check.decision == tc[1] with input as object.union(_input, tc[0])
}

test_decision_without_input_is_no if not check.decision.decision with input as {}

_input := {
	"subject": {"type": "user", "id": "alice@example.com", "properties": {"department": "sales"}},
	"action": {"name": "debug"},
	"resource": {"type": "customer", "id": "acme"},
	"grants": [],
	"now": "2026-03-02T10:00:00Z",
}

_audit(differing) := object.union(
	{
		"subject": {"type": "user", "id": "dana@example.com", "properties": {"groups": ["auditors"]}},
		"action": {"name": "read"},
		"resource": {"type": "report", "id": "q1"},
		"context": {"device": {"managed": true}},
	},
	differing,
)

_document(action, properties) := {
	"action": {"name": action},
	"resource": {"type": "document", "id": "plan", "properties": properties},
}

_yes(reason) := {"decision": true, "reason": reason}

_no(reason) := {"decision": false, "reason": reason}
