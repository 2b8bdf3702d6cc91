# METADATA
# title: May this subject do this, now?
# description: >-
#   What proxies and services of Example Corp ask. Mostly a live grant says yes. Two
#   things need none: what auditors read on a managed device, and documents, which
#   are decided by their properties.
#
#   Groups, devices and documents are here as the caller describes them. That is safe
#   because only `enforcers` may ask about others: the programs that guard the access.
# schemas:
#   - input: schema.check
package check

# METADATA
# title: The answer to a check
# description: An object of `decision` and a `reason`, which is a code.
# scope: document
# entrypoint: true
default decision := {"decision": false, "reason": "no_live_grant"}

decision := {"decision": true, "reason": "live_grant"} if {
	input.grants[0]
} else := {"decision": true, "reason": "standing_audit"} if {
	_auditor_reads
	_managed_device
} else := {"decision": false, "reason": "device_not_managed"} if {
	_auditor_reads
} else := {"decision": true, "reason": "document_owner"} if {
	_on_document
	_is_owner
} else := {"decision": true, "reason": "document_published"} if {
	_on_document
	_reads_published
} else := {"decision": false, "reason": "document_closed"} if {
	_on_document
}

# Auditors, and their devices.

_auditor_reads if {
	input.subject.type == "user"
	"auditors" in input.subject.properties.groups
	input.action.name == "read"
	input.resource.type in {"ledger", "report"}
}

_managed_device if input.context.device.managed == true

# Documents.

_on_document if input.resource.type == "document"

_is_owner if {
	input.resource.properties.owner == input.subject.id
	is_string(input.subject.id)
}

_reads_published if {
	input.action.name == "read"
	input.resource.properties.status == "published"
	is_string(input.subject.properties.department)
	input.resource.properties.department == input.subject.properties.department
}
