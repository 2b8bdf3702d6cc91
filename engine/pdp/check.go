package pdp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
)

// incidentPrefix begins the `while` of a request for an incident.
const incidentPrefix = access.WhileIncident + ":"

// checkInput refuses a request without an end, or with two, or with one that
// nobody knows: what a policy said of it would not bound the access.
func checkInput(in access.Input) error {
	length, while := in.Context.ForSeconds, in.Context.While
	switch {
	case (length == nil) == (while == nil):
		return failure{inputMalformed, errors.New("one of for_seconds and while must be set")}
	case length != nil && *length <= 0:
		return failure{inputMalformed, fmt.Errorf("for_seconds is %d", *length)}
	case while != nil && *while != access.WhileOnCall && !isIncident(*while):
		return failure{inputMalformed, fmt.Errorf("nothing lasts as long as %q", *while)}
	}
	return nil
}

func isIncident(while string) bool {
	id, ok := strings.CutPrefix(while, incidentPrefix)
	return ok && id != ""
}

// checkDecision refuses a decision that contradicts itself or the request. A
// denial is a denial, whatever else it says.
func checkDecision(in access.Input, d access.Decision) error {
	switch d.Effect {
	case access.Allow:
		if d.Reviewers != nil {
			return failure{policyMalformed, errors.New("it is allowed, and there are reviewers")}
		}
	case access.Review:
		if err := checkReviewers(d.Reviewers); err != nil {
			return err
		}
	default:
		return nil
	}
	if err := checkUntil(in.Context, d.Until); err != nil {
		return failure{policyMalformed, err}
	}
	return nil
}

func checkReviewers(r *access.Reviewers) error {
	switch {
	case r == nil:
		return failure{noReviewers, errors.New("it is to be reviewed, and there are no reviewers")}
	case r.Quorum < 1:
		return failure{policyMalformed, fmt.Errorf("the quorum of its reviewers is %d", r.Quorum)}
	case len(r.Groups) == 0 && r.Quorum > len(r.Subjects):
		return failure{noReviewers, fmt.Errorf("%d of %d reviewers are to agree", r.Quorum, len(r.Subjects))}
	}
	return nil
}

// checkUntil wants `until` to name what a `while` request is for, by facts that
// are in the input, and to be absent otherwise.
func checkUntil(c access.InputContext, until *access.Until) error {
	if c.While == nil {
		if until != nil {
			return errors.New("there is `until`, and the request is for a length of time")
		}
		return nil
	}
	if until == nil {
		return fmt.Errorf("there is no `until`, and the request is for as long as %q", *c.While)
	}
	if incident, ok := strings.CutPrefix(*c.While, incidentPrefix); ok {
		if len(until.OnCall) > 0 || until.Incident == nil || *until.Incident != incident {
			return fmt.Errorf("`until` does not name the incident %q alone", incident)
		}
		return nil
	}
	if until.Incident != nil || len(until.OnCall) == 0 {
		return errors.New("`until` does not name shifts alone, and the request is for as long as one is on call")
	}
	for _, ref := range until.OnCall {
		if !slices.ContainsFunc(c.OnCall.Shifts, ref.Picks) {
			return fmt.Errorf("`until` names a shift that is not in the input: %+v", ref)
		}
	}
	return nil
}

// bounded returns the decision, or a denial when more was asked for than it
// gives. It is never clamped: whoever asks for four hours and gets two would
// believe in four.
func bounded(in access.Input, d access.Decision) access.Decision {
	if d.Effect == access.Deny || in.Context.ForSeconds == nil {
		return d
	}
	most := slices.Max(append([]int64{0}, in.Resource.DurationsSeconds...))
	if d.MaxSeconds != nil {
		most = *d.MaxSeconds
	}
	if *in.Context.ForSeconds <= most {
		return d
	}
	return access.Decision{Effect: access.Deny, Reasons: []access.Reason{{
		Code:  tooLong,
		Title: "Too long",
		Detail: fmt.Sprintf("%d seconds were asked for and %d are the most that the policy gives. Ask for less.",
			*in.Context.ForSeconds, most),
	}}}
}
