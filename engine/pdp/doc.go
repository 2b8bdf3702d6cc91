// Package pdp is the policy decision point (PDP in NIST SP 800-207): it loads
// Rego policies and asks them.
//
// It is the only home of OPA. A decision is a pure function of the input, the
// policies and OPA's version: no policy can read a clock, the network or chance,
// and nothing is remembered from one decision to the next. It gathers no facts
// (engine/facts), keeps no record (engine) and changes no state.
//
// Whatever goes wrong, the answer is no: a policy that is broken, slow,
// undefined, malformed or contradictory gives a denial with a reason of its own.
package pdp
