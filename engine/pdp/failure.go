package pdp

import (
	"errors"

	"github.com/curfew-access/curfew/engine/access"
)

// The codes of the reasons that this package gives by itself.
const (
	inputMalformed  = "input_malformed"  // the gateway's own fault: no policy was asked
	policyMissing   = "policy_missing"   // there is no policy in force
	policyTooLarge  = "policy_too_large" // the answer is larger than any that can be used
	policyUndefined = "policy_undefined" // the policy gave no answer
	policyError     = "policy_error"     // the policy stopped
	policyTimeout   = "policy_timeout"   // the policy took too long
	policyMalformed = "policy_malformed" // the answer is not a decision, or contradicts itself
	noReviewers     = "no_reviewers"     // the answer is review, by nobody
	tooLong         = "too_long"         // allowed, but for less than was asked for
)

// failure is a decision that did not come about. The cause is for the log; the
// code chooses what the asker is told.
type failure struct {
	code  string
	cause error
}

func (f failure) Error() string { return f.code + ": " + f.cause.Error() }

func (f failure) Unwrap() error { return f.cause }

// Code names the failure for programs, and shows nothing of the policy.
func (f failure) Code() string { return f.code }

func is(err error, code string) bool {
	f, ok := errors.AsType[failure](err)
	return ok && f.code == code
}

// codeOf is the code of a failure.
func codeOf(err error) string {
	if f, ok := errors.AsType[failure](err); ok {
		return f.code
	}
	return policyError
}

// said is what the asker is told of each failure. It never holds the cause, which
// may show more of the policy and the facts than the asker should see.
var said = map[string]access.Reason{
	policyMissing: {Title: "There is no policy",
		Detail: "No policy could be loaded yet, so nothing is allowed. The gateway's readiness says why; tell whoever runs it."},
	policyTooLarge: {Title: "The policy's answer is too large",
		Detail: "The policy gave an answer that is larger than any decision. Tell whoever maintains it."},
	inputMalformed: {Title: "The request can not be decided",
		Detail: "What is known about the request can not be put to the policy. The gateway's log says why; tell whoever runs it."},
	policyUndefined: {Title: "The policy gave no answer",
		Detail: "The policy is undefined for this request. Tell whoever maintains it."},
	policyTimeout: {Title: "The policy took too long",
		Detail: "The policy did not answer in time. Try again; if that does not help, tell whoever maintains it."},
	policyMalformed: {Title: "The policy's answer can not be used",
		Detail: "The policy gave an answer that is malformed or contradicts itself. The gateway's log says how; tell whoever maintains the policy."},
	noReviewers: {Title: "Nobody can review this",
		Detail: "The policy asks for a review and names nobody, or too few, to give it. Tell whoever maintains the policy."},
	policyError: {Title: "The policy failed",
		Detail: "The policy stopped with an error. The gateway's log says which; tell whoever maintains the policy."},
}

// reasonFor is what the asker is told.
func reasonFor(err error) access.Reason {
	code := codeOf(err)
	reason, known := said[code]
	if !known {
		code, reason = policyError, said[policyError]
	}
	reason.Code = code
	return reason
}
