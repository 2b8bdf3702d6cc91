package pdp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/curfew-access/curfew/engine/access"
)

// decidingPackage is the package whose rules give the reasons of decisions.
const decidingPackage = "data.access"

// dependencies is which facts the rules depend on, by the code of the reason that
// they give. A code that is not in it depends on all of them.
type dependencies map[string][]string

// dependenciesOf reads the METADATA of the rules of package access:
// `custom: {code: on_call, facts: [oncall]}`. A name that is no fact is a fault:
// the grants would silently not be evaluated again.
func dependenciesOf(files []file) (dependencies, error) {
	facts := dependencies{}
	open := map[string]bool{} // a rule with this code does not say
	var faults []error
	for _, f := range files {
		if f.module == nil || f.module.Package.Path.String() != decidingPackage {
			continue
		}
		for _, a := range f.module.Annotations {
			code, _ := a.Custom["code"].(string)
			declared, says := a.Custom["facts"]
			switch {
			case code == "" && says:
				faults = append(faults, fmt.Errorf("%s: custom.facts is for a rule that has a custom.code", a.Location))
			case code == "":
			case !says:
				open[code] = true
			default:
				names, err := factNames(declared)
				if err != nil {
					faults = append(faults, fmt.Errorf("%s: custom.facts: %w", a.Location, err))
				}
				facts[code] = append(facts[code], names...)
			}
		}
	}
	for code := range open {
		delete(facts, code)
	}
	return facts, errors.Join(faults...)
}

func factNames(declared any) (names []string, err error) {
	items, ok := declared.([]any)
	if !ok {
		return nil, errors.New("want an array, such as [oncall]")
	}
	known := access.DeclarableFacts()
	for _, item := range items {
		name, ok := item.(string)
		if !ok || !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no fact %v; there are %s", item, strings.Join(known, ", "))
		}
		names = append(names, name)
	}
	return names, nil
}

// of returns the facts that the codes depend on, sorted, or that it is all of them.
func (d dependencies) of(codes []string) (facts []string, all bool) {
	for _, code := range codes {
		declared, says := d[code]
		if !says {
			return nil, true
		}
		facts = append(facts, declared...)
	}
	slices.Sort(facts)
	return slices.Compact(facts), len(codes) == 0
}

// Facts returns the facts that a decision for reasons with these codes depends on,
// as the rules of the policies in force declare it. all says that it may be any:
// a rule does not declare it, or none has the code.
func (p *PDP) Facts(codes []string) (facts []string, all bool) {
	r, err := p.now()
	if err != nil {
		return nil, true
	}
	return r.facts.of(codes)
}

// hasRule reports whether there is a rule, and no data, at the place.
func (p program) hasRule(entry string) bool {
	return len(p.compiler.GetRulesExact(ast.MustParseRef(entry))) > 0
}
