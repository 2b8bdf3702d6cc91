package facts

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
)

// maxPropertyDepth bounds how deep lists and objects may nest in a property.
const maxPropertyDepth = 16

// maxExactInteger is the largest integer that every reader of JSON keeps exact
// (RFC 7493, 2.2).
const maxExactInteger = 1<<53 - 1

// ValidateCatalogue reports every fault of a catalogue, joined, or nil. Each is
// an *access.Error that wraps access.ErrInvalid and whose Field is the JSON
// pointer of its place: "/resources/0/entitlements/1/target". An entitlement's
// target must be true in targets.
//
// No resource may occur twice, and no action twice on one resource. An
// entitlement offers at least one duration, or something that access may last as
// long as. Properties are what JSON can hold and keep exact.
func ValidateCatalogue(c access.Catalogue, targets map[string]bool) error {
	check := catalogueCheck{targets: targets}
	seen := map[access.ResourceRef]string{}
	for i, resource := range c.Resources {
		place := fmt.Sprintf("/resources/%d", i)
		if first, twice := seen[resource.Ref()]; twice {
			check.fault("duplicate_resource", place, "%s is %s already", resource.Ref(), first)
		} else {
			seen[resource.Ref()] = place
		}
		check.resource(place, resource)
	}
	return errors.Join(check.faults...)
}

// ValidateResource is ValidateCatalogue for one resource. Places begin at the
// resource: "/entitlements/1/target".
func ValidateResource(r access.Resource, targets map[string]bool) error {
	check := catalogueCheck{targets: targets}
	check.resource("", r)
	return errors.Join(check.faults...)
}

type catalogueCheck struct {
	targets map[string]bool
	faults  []error
}

func (c *catalogueCheck) fault(code, place, format string, args ...any) {
	c.faults = append(c.faults, access.Invalid(code, place, format, args...))
}

// at notes err, if it is one, as a fault of the place.
func (c *catalogueCheck) at(place string, err error) {
	var e *access.Error
	if errors.As(err, &e) {
		c.fault(e.Code, place, "%s", e.Detail)
	}
}

func (c *catalogueCheck) resource(place string, r access.Resource) {
	c.within(place, "/resource", r.Ref().Validate())
	if !utf8.ValidString(r.Name) || strings.ContainsRune(r.Name, 0) { // not every database can keep it
		c.fault("invalid_name", place+"/name", "it is not a text: it holds a null character, or is not UTF-8")
	}
	c.value(place+"/properties", r.Properties, 0)
	c.entitlements(place+"/entitlements", r.Entitlements)
}

// within is at for an error that names a place of its own, below what the prefix
// says there.
func (c *catalogueCheck) within(place, prefix string, err error) {
	var e *access.Error
	if errors.As(err, &e) {
		c.at(place+strings.TrimPrefix(e.Field, prefix), err)
	}
}

func (c *catalogueCheck) entitlements(list string, entitlements []access.Entitlement) {
	seen := map[string]string{}
	for i, e := range entitlements {
		place := fmt.Sprintf("%s/%d", list, i)
		c.at(place+"/action", access.Action{Name: e.Action}.Validate())
		if first, twice := seen[e.Action]; twice {
			c.fault("duplicate_entitlement", place+"/action", "the resource has %q as %s already", e.Action, first)
		} else {
			seen[e.Action] = place
		}
		c.lengths(place, e)
		if open, known := c.targets[e.Target]; known && !open {
			c.fault("unknown_target", place+"/target", "the target %q is retired and takes no new access; there are: %s", e.Target, c.targetNames())
		} else if !known {
			c.fault("unknown_target", place+"/target", "there is no target %q; the configuration has: %s", e.Target, c.targetNames())
		}
	}
}

func (c *catalogueCheck) lengths(place string, e access.Entitlement) {
	if len(e.Durations)+len(e.While) == 0 {
		c.fault("no_duration", place+"/durations", "it is empty, and so is while: say how long access may last, such as [2h]")
	}
	for i, d := range e.Durations {
		_, err := access.ParseDuration(d.String()) // a decoder that met null has not parsed it
		c.at(fmt.Sprintf("%s/durations/%d", place, i), err)
	}
	for i, w := range e.While {
		if w != access.WhileOnCall && w != access.WhileIncident {
			c.fault("invalid_while", fmt.Sprintf("%s/while/%d", place, i), "%q is not %s or %s", w, access.WhileOnCall, access.WhileIncident)
		}
	}
}

func (c *catalogueCheck) targetNames() string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.targets)) {
		if c.targets[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// value reports what JSON can not hold, or not exactly: YAML has times, keys
// that are no strings, .nan, and larger integers.
func (c *catalogueCheck) value(place string, v any, depth int) {
	const code = "invalid_property"
	if depth > maxPropertyDepth {
		c.fault(code, place, "it nests deeper than %d levels", maxPropertyDepth)
		return
	}
	switch v := v.(type) {
	case nil, bool:
	case string:
		if !utf8.ValidString(v) {
			c.fault(code, place, "it is not valid UTF-8")
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			c.value(place+"/"+pointerEscape.Replace(key), v[key], depth+1)
		}
	case []any:
		for i, item := range v {
			c.value(fmt.Sprintf("%s/%d", place, i), item, depth+1)
		}
	default:
		if why := inexact(v); why != "" {
			c.fault(code, place, "%s; write it as a string, in quotes", why)
		}
	}
}

// inexact says why v is not a number that JSON keeps exact, or "" if it is one.
func inexact(v any) string {
	const large = "%v is beyond the integers that JSON keeps exact"
	switch n := v.(type) {
	case int:
		return inexact(int64(n))
	case int64:
		if n > maxExactInteger || n < -maxExactInteger {
			return fmt.Sprintf(large, n)
		}
	case uint64:
		if n > maxExactInteger {
			return fmt.Sprintf(large, n)
		}
	case float64:
		switch {
		case math.IsNaN(n) || math.IsInf(n, 0):
			return fmt.Sprintf("%v is not a number of JSON", n)
		case n == math.Trunc(n) && math.Abs(n) > maxExactInteger:
			return fmt.Sprintf(large, n)
		}
	case json.Number:
		f, err := n.Float64()
		if err != nil {
			return fmt.Sprintf("%q is not a number of JSON", n.String())
		}
		return inexact(f)
	default:
		return fmt.Sprintf("a value of type %T is not a value of JSON", v)
	}
	return ""
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1") // RFC 6901
