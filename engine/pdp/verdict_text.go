package pdp

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/curfew-access/curfew/engine/access"
)

// checkInputText is the input of data.check.decision as JSON. What was sent is in
// it as it was sent.
func checkInputText(in access.CheckInput) []byte {
	size := len(in.Subject) + len(in.Resource) + len(in.Action) + len(in.Context)
	out := make([]byte, 0, size+192+192*len(in.Grants))
	out = append(out, `{"subject":`...)
	out = append(out, orNull(in.Subject)...)
	out = append(out, `,"resource":`...)
	out = append(out, orNull(in.Resource)...)
	out = append(out, `,"action":`...)
	out = append(out, orNull(in.Action)...)
	if in.Context != nil {
		out = append(out, `,"context":`...)
		out = append(out, in.Context...)
	}
	out = append(out, `,"grants":[`...)
	for i, g := range in.Grants {
		if i > 0 {
			out = append(out, ',')
		}
		w := writer{out: append(out, `{"action":{"name":`...)}
		w.text(g.Action.Name)
		w.out = append(w.out, `},"resource":{"type":`...)
		w.text(g.Resource.Type)
		w.out = append(w.out, `,"id":`...)
		w.text(g.Resource.ID)
		w.out = append(w.out, `},"expires_at":"`...)
		out = append(g.ExpiresAt.AppendFormat(w.out, time.RFC3339Nano), `"}`...)
	}
	out = append(out, `],"now":"`...)
	out = in.Now.AppendFormat(out, time.RFC3339Nano)
	return append(out, `"}`...)
}

func orNull(raw json.RawMessage) []byte {
	if raw == nil {
		return []byte("null")
	}
	return raw
}

// The members of a verdict.
var (
	decisionMember = ast.StringTerm("decision")
	reasonMember   = ast.StringTerm("reason")
)

// decodeVerdict reads what data.check.decision gave, strictly: a boolean
// `decision` and a `reason` that is a text, and nothing else.
func decodeVerdict(term *ast.Term) (yes bool, reason string, err error) {
	o, ok := term.Value.(ast.Object)
	if !ok {
		return false, "", errors.New("want an object of decision and reason")
	}
	decision, isFlag := valueOf(o, decisionMember).(ast.Boolean)
	code, isText := valueOf(o, reasonMember).(ast.String)
	switch {
	case !isFlag:
		return false, "", errors.New("decision: want a boolean")
	case !isText || code == "":
		return false, "", errors.New("reason: want a text that is not empty")
	case o.Len() > 2:
		return false, "", errors.New("it has members beside decision and reason")
	}
	return bool(decision), string(code), nil
}

func valueOf(o ast.Object, name *ast.Term) ast.Value {
	if member := o.Get(name); member != nil {
		return member.Value
	}
	return nil
}
