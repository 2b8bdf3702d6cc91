# METADATA
# title: Who may call what in Curfew's own API
# description: >-
#   Anybody may act for themselves; reviewers review; roles do the rest. Which groups
#   have which role is data: `data.curfew.config.roles`.
# schemas:
#   - input: schema.api
package api

# METADATA
# title: May the actor do this?
# description: An object of `allowed` and, when it is false, the `reason`.
# scope: document
# entrypoint: true
default allow := {"allowed": false, "reason": "Sign in, or send a token: nobody is known to be calling."}

allow := {"allowed": true} if {
	_authenticated
	_permitted
} else := {"allowed": false, "reason": _help} if {
	_authenticated
}

_authenticated if {
	is_string(input.actor.type)
	is_string(input.actor.id)
	input.actor.type != ""
	input.actor.id != ""
}

_permitted if _has_role("admins")

_permitted if {
	input.operation in {"decision.ask", "request.submit"}
	_is_actor(input.object.subject)
}

# Whom to ask, and for what, is no secret among those who may sign in.
_permitted if input.operation in {"resource.list", "resource.read", "oncall.list"}

_permitted if {
	input.operation in {"request.list", "grant.list", "access.evaluate", "access.search"}
	input.object.scope == "own"
}

# What enforces access must be able to ask for everybody, and to do nothing else.
_permitted if {
	input.operation in {"access.evaluate", "access.search"}
	_has_role("enforcers")
}

_permitted if {
	input.operation == "data.query"
	_has_role("enforcers")
	_open_path
}

_permitted if {
	input.operation in {"request.read", "grant.read", "task.read"}
	_concerns_actor
}

_permitted if {
	input.operation in {"request.read", "grant.read", "request.review"}
	input.object.reviewer == true
}

_permitted if {
	input.operation == "request.withdraw"
	_concerns_actor
}

# The holder may always end their own.
_permitted if {
	input.operation == "grant.revoke"
	_is_actor(input.object.subject)
}

_permitted if {
	input.operation in {"grant.revoke", "task.close", "task.approve", "binding.retry", "binding.force_close", "sink.retry"}
	_has_role("security")
}

# Whoever held the access may see that it is gone.
_permitted if {
	input.operation == "binding.read"
	_is_actor(input.object.subject)
}

# Who keeps a catalogue up to date sees how that went. Of one source alone: its own.
_permitted if {
	input.operation in {"resource.sync", "source.list", "source.read"}
	_has_role("syncers")
}

_permitted if {
	input.operation in {"resource.sync", "source.read"}
	_in_any(data.curfew.config.sources[input.object.source].syncers)
}

_permitted if {
	input.operation in {
		"request.list",
		"request.read",
		"grant.list",
		"grant.read",
		"access.evaluate",
		"access.search",
		"audit.access",
		"audit.confirm",
		"audit.export",
		"audit.read",
		"binding.list",
		"binding.read",
		"data.query",
		"decision.list",
		"decision.read",
		"sink.list",
		"source.list",
		"source.read",
		"task.list",
		"task.read",
	}
	_sees_everything
}

_sees_everything if _has_role("auditors")

_sees_everything if _has_role("security")

# A document that is not closed to enforcers. What has no name is all documents.
_open_path if {
	is_array(data.curfew.config.closed_documents)
	root := split(input.object.path, "/")[0]
	root != ""
	not root in data.curfew.config.closed_documents
	not _shows_closed(split(input.object.path, "/"))
}

# The other rules of package access show what they read of closed documents.
_shows_closed(parts) if {
	parts[0] == "access"
	array.slice(parts, 1, 2) != ["decision"]
}

_concerns_actor if _is_actor(input.object.subject)

_concerns_actor if _is_actor(input.object.requester)

_is_actor(subject) if {
	subject.type == input.actor.type
	subject.id == input.actor.id
}

_has_role(role) if _in_any(data.curfew.config.roles[role])

# A text is no list: it would hold no group, and is not asked.
_in_any(groups) if {
	is_array(groups)
	input.actor.properties.groups_known == true
	some group in input.actor.properties.groups
	group in groups
}

default _help := "This is for administrators."

_help := {
	"decision.ask": "Ask for yourself: only administrators may ask for someone else.",
	"request.submit": "Ask for yourself: only administrators may ask for someone else.",
	"request.list": "List your own requests: those of others are for security, auditors and administrators.",
	"request.read": "A request may be read by its subject, its requester, its reviewers, security and auditors.",
	"request.review": "Only the reviewers that the policy names may answer this request.",
	"request.withdraw": "Only its subject or its requester may withdraw a request.",
	"grant.list": "List your own grants: those of others are for security, auditors and administrators.",
	"grant.read": "A grant may be read by its subject, its requester, its reviewers, security and auditors.",
	"grant.revoke": "A grant may be ended by its holder, by security and by administrators.",
	"task.list": "What waits for a second person is for security, auditors and administrators.",
	"task.read": "A task may be read by those whose access it is about, security, auditors and administrators.",
	"task.close": "A task may be closed by security and administrators.",
	"task.approve": "What waits for a second person may be approved and rejected by security and administrators.",
	"binding.list": "What exists at targets is for security, auditors and administrators.",
	"binding.read": "A binding may be read by whose access it is, security, auditors and administrators.",
	"binding.retry": "A delivery may be tried again at once by security and administrators.",
	"binding.force_close": "Security and administrators may ask a second person to declare access gone.",
	"access.evaluate": "Check your own access: that of others is for enforcers, security, auditors and administrators.",
	"access.search": "Search your own access: that of others is for enforcers, security, auditors and administrators.",
	"audit.read": "The audit log is for security, auditors and administrators.",
	"audit.access": "Who had access is for security, auditors and administrators.",
	"audit.confirm": "That an export is kept may be said by security, auditors and administrators.",
	"audit.export": "The audit log may be taken out by security, auditors and administrators.",
	"data.query": "Documents are for security, auditors and administrators, and those that are not closed for enforcers.",
	"decision.list": "The decision log is for security, auditors and administrators.",
	"decision.read": "A decision may be read by security, auditors and administrators.",
	"sink.list": "Where events are sent is for security, auditors and administrators.",
	"sink.retry": "What was set aside may be sent again by security and administrators.",
	"resource.sync": "A source's resources are for its syncers, those of all sources, and administrators.",
	"source.list": "Sources are for syncers, security, auditors and administrators.",
	"source.read": "A source may be read by its syncers, those of all sources, security, auditors and administrators.",
}[input.operation]
