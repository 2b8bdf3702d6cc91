package access

// Resource is something that access can be given to, as its source describes it.
type Resource struct {
	Type         string         `json:"type" yaml:"type"`
	ID           string         `json:"id" yaml:"id"`
	Name         string         `json:"name,omitempty" yaml:"name"`
	Properties   map[string]any `json:"properties,omitempty" yaml:"properties"` // facts for policy: owner, tier
	Entitlements []Entitlement  `json:"entitlements,omitempty" yaml:"entitlements"`
}

// Entitlement is an action on a resource that may be requested.
type Entitlement struct {
	Action    string     `json:"action" yaml:"action"`
	Durations []Duration `json:"durations,omitempty" yaml:"durations"` // the lengths on offer
	While     []string   `json:"while,omitempty" yaml:"while"`         // WhileOnCall, WhileIncident
	Target    string     `json:"target" yaml:"target"`                 // the name of a configured target
}

// What access may last as long as. A request for an incident names it:
// "incident:<id>".
const (
	WhileOnCall   = "oncall"
	WhileIncident = "incident"
)

// Catalogue is the body of a catalogue file and of the sync API.
type Catalogue struct {
	Resources []Resource `json:"resources" yaml:"resources"`
}

// Ref returns the resource's name without its facts.
func (r Resource) Ref() ResourceRef { return ResourceRef{Type: r.Type, ID: r.ID} }

// Entitlement returns the entitlement for the action, and whether there is one.
func (r Resource) Entitlement(action string) (Entitlement, bool) {
	for _, e := range r.Entitlements {
		if e.Action == action {
			return e, true
		}
	}
	return Entitlement{}, false
}

// Offers reports whether d is one of the durations on offer.
func (e Entitlement) Offers(d Duration) bool {
	for _, offered := range e.Durations {
		if offered == d {
			return true
		}
	}
	return false
}

// Longest returns the longest duration on offer, or 0 if there is none.
func (e Entitlement) Longest() Duration {
	var longest Duration
	for _, d := range e.Durations {
		longest = max(longest, d)
	}
	return longest
}

// Person is what is known of a subject beside its id.
type Person struct {
	Subject  Subject  `json:"subject"`
	Emails   []string `json:"emails,omitempty"` // other verified addresses, lower case
	Groups   []string `json:"groups"`
	Slack    string   `json:"slack,omitempty"`     // Slack user id
	TimeZone string   `json:"time_zone,omitempty"` // IANA name
}
