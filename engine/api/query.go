package api

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// The states that a list can be narrowed to.
var (
	requestStates = []string{
		string(access.RequestPending), string(access.RequestApproved), string(access.RequestDenied),
		string(access.RequestWithdrawn), string(access.RequestLapsed),
	}
	grantStates = []string{string(access.GrantScheduled), string(access.GrantActive), string(access.GrantEnded)}
)

// query returns the query parameters if there are none but the allowed ones,
// each at most once and not empty: a filter that is misspelled must not widen
// an answer.
func (in *incoming) query(allowed ...string) (url.Values, error) {
	values, err := url.ParseQuery(in.URL.RawQuery)
	if err != nil {
		return nil, access.Invalid("malformed_query", "", "the query can not be read; escape its values")
	}
	known := "this route takes no query parameters"
	if len(allowed) > 0 {
		known = "this route takes " + strings.Join(allowed, ", ")
	}
	var faults []error
	for _, name := range sortedKeys(values) {
		switch v := values[name]; {
		case !slices.Contains(allowed, name):
			faults = append(faults, access.Invalid("unknown_parameter", "", "there is no query parameter %q; %s", name, known))
		case len(v) > 1:
			faults = append(faults, access.Invalid("repeated_parameter", "", "the query parameter %q is there %d times; %s, each once", name, len(v), known))
		case v[0] == "":
			faults = append(faults, access.Invalid("empty_parameter", "", "the query parameter %q is empty; leave it out or give it a value", name))
		}
	}
	return values, errors.Join(faults...)
}

func sortedKeys(values url.Values) []string {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// catalogue reads the filter of a list of the catalogue.
func catalogue(in *incoming) (f engine.ResourceFilter, err error) {
	values, err := in.query("limit", "cursor", "search")
	if err != nil {
		return f, err
	}
	f.Search = values.Get("search")
	f.Paging, err = pagingOf(values)
	return f, err
}

func pagingOf(values url.Values) (engine.Paging, error) {
	p := engine.Paging{Cursor: values.Get("cursor")}
	text := values.Get("limit")
	if text == "" {
		return p, nil
	}
	var err error
	if p.Limit, err = strconv.Atoi(text); err != nil || p.Limit < 1 || p.Limit > engine.MaxLimit {
		return p, access.Invalid("invalid_limit", "", "limit is 1 to %d, not %q", engine.MaxLimit, text)
	}
	return p, nil
}

// list reads the filter of a list of objects that have the states.
func list(states []string) reader[engine.ListFilter] {
	return func(in *incoming) (f engine.ListFilter, err error) {
		values, err := in.query("limit", "cursor", "scope", "state", "subject", "resource")
		if err != nil {
			return f, err
		}
		f.Scope, f.State = values.Get("scope"), values.Get("state")
		if f.State != "" && !slices.Contains(states, f.State) {
			err = access.Invalid("invalid_state", "", "state is one of %s, not %q", strings.Join(states, ", "), f.State)
		}
		var faults [3]error
		f.Paging, faults[0] = pagingOf(values)
		f.Subject, faults[1] = subjectOf(values, "subject")
		f.Resource, faults[2] = resourceOf(values)
		return f, errors.Join(err, errors.Join(faults[:]...))
	}
}

// subjectOf reads "user:alice@example.com" and makes it canonical.
func subjectOf(values url.Values, name string) (string, error) {
	text := values.Get(name)
	if text == "" {
		return "", nil
	}
	s, err := access.ParseSubject(text)
	if err != nil {
		return "", inParameter(name, err)
	}
	return s.String(), nil
}

// resourceOf reads "customer:acme".
func resourceOf(values url.Values) (string, error) {
	const name = "resource"
	text := values.Get(name)
	if text == "" {
		return "", nil
	}
	typ, id, found := strings.Cut(text, ":")
	if !found {
		return "", access.Invalid("invalid_resource", "", "%s: %q is not <type>:<id>, such as customer:acme", name, text)
	}
	return text, inParameter(name, access.ResourceRef{Type: typ, ID: id}.Validate())
}

// inParameter names the query parameter at fault; a JSON pointer would name a
// member of a body that there is not.
func inParameter(name string, err error) error {
	var fault *access.Error
	if !errors.As(err, &fault) {
		return err
	}
	return access.Invalid(fault.Code, "", "%s: %s", name, fault.Detail)
}
