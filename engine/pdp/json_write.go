package pdp

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// maxOutput bounds a policy's answer, in bytes of JSON: that of an entry point,
// of which no sound one has a hundredth, and maxDocument that of any document.
const (
	maxOutput   = 1 << 20
	maxDocument = 32 << 20
)

// checkSize refuses an answer that would be larger than most as JSON.
func checkSize(term *ast.Term, most int) error {
	_, err := appendJSON(nil, term, most)
	return err
}

var errTooLarge = errors.New("the answer is too large")

// appendJSON renders a term as OPA does: members in the order of their names, a
// set as an array, a member's name that is no text as the JSON of it. It gives up
// beyond most bytes.
func appendJSON(to []byte, term *ast.Term, most int) ([]byte, error) {
	w := &writer{out: to, most: len(to) + most}
	err := w.value(term.Value)
	if err == nil && len(w.out) > w.most {
		err = errTooLarge // by its end
	}
	if err != nil {
		if errors.Is(err, errTooLarge) {
			return nil, failure{policyTooLarge, fmt.Errorf("it has more than %d bytes", most)}
		}
		return nil, failure{policyMalformed, err}
	}
	return w.out, nil
}

type writer struct {
	out  []byte
	most int
}

func (w *writer) value(v ast.Value) error {
	if len(w.out) > w.most {
		return errTooLarge
	}
	switch v := v.(type) {
	case ast.Null:
		w.out = append(w.out, "null"...)
	case ast.Boolean:
		if v {
			w.out = append(w.out, "true"...)
		} else {
			w.out = append(w.out, "false"...)
		}
	case ast.Number:
		return w.number(string(v))
	case ast.String:
		if len(w.out)+len(v) > w.most {
			return errTooLarge
		}
		w.text(string(v))
	case *ast.Array:
		return w.list(v.Len(), v.Iter)
	case ast.Set:
		return w.list(v.Len(), v.Iter)
	case ast.Object:
		return w.object(v)
	default:
		other, err := ast.JSON(v) // a lazy object, and what else there may come to be
		if err != nil {
			return err
		}
		text, err := json.Marshal(other)
		w.out = append(w.out, text...)
		return err
	}
	return nil
}

// number renders a number. A policy can read one from a text, as Go writes it: 007,
// +5 and 0x1p4 are none of JSON.
func (w *writer) number(text string) error {
	if !isNumber(text) {
		return errors.New("it has a number that JSON does not have")
	}
	w.out = append(w.out, text...)
	return nil
}

func (w *writer) list(length int, iter func(func(*ast.Term) error) error) error {
	w.out = append(w.out, '[')
	err := iter(func(item *ast.Term) error {
		err := w.value(item.Value)
		w.out = append(w.out, ',')
		return err
	})
	w.end(length, ']')
	return err
}

func (w *writer) object(o ast.Object) error {
	w.out = append(w.out, '{')
	err := o.Iter(func(key, value *ast.Term) error {
		if name, ok := key.Value.(ast.String); ok {
			w.text(string(name))
		} else {
			name := &writer{most: w.most}
			if err := name.value(key.Value); err != nil {
				return err
			}
			w.text(string(name.out))
		}
		w.out = append(w.out, ':')
		err := w.value(value.Value)
		w.out = append(w.out, ',')
		return err
	})
	w.end(o.Len(), '}')
	return err
}

// end closes what was opened, in the place of the last comma.
func (w *writer) end(length int, closing byte) {
	if length > 0 {
		w.out[len(w.out)-1] = closing
		return
	}
	w.out = append(w.out, closing)
}

// text renders a string. One that needs no escape is taken as it is.
func (w *writer) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(s) // a string always can be
			w.out = append(w.out, quoted...)
			return
		}
	}
	w.out = append(w.out, '"')
	w.out = append(w.out, s...)
	w.out = append(w.out, '"')
}
