# METADATA
# title: Reasons
# description: >-
#   Turns the METADATA of a rule into the reason that the rule gives: `custom.code`
#   is the code, `title` the title and `description` the detail. What the METADATA
#   does not state is empty, never undefined: a denial must not vanish because its
#   author forgot a line. The gateway refuses a reason without code or title.
package curfew.lib.reason

# METADATA
# title: The reason that a rule's METADATA states
# description: To be called as `reason.of(rego.metadata.rule())`.
of(rule) := saying(rule, object.get(rule, "description", ""))

# METADATA
# title: The same, with a detail made for the moment
saying(rule, detail) := {
	"code": object.get(rule, ["custom", "code"], ""),
	"title": object.get(rule, "title", ""),
	"detail": detail,
}
