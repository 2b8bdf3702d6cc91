package pdp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// reserved is the package that stays the gateway's, with all below it, and the
// data whose shape does.
const reserved = "curfew"

// overlay lays the team's set over the library. A package in which the team
// defines rules is wholly the team's, so that no rule of ours allows what the
// team's policy does not; only a file of ours that defines nothing but
// `decision`, which builds the decision from the rules of its package, stays as
// long as the team does not define that itself.
func overlay(library, team set) (set, error) {
	out := set{data: library.data}
	var faults []error
	teams := map[string]map[string]bool{} // package: the rules that the team defines
	for _, f := range team.files {
		if f.module == nil {
			continue
		}
		if isReserved(f.module.Package.Path) {
			faults = append(faults, fmt.Errorf("%s: package %s and those below it are the library's: choose another name",
				f.module.Package.Location, reserved))
		}
		if rules := ruleNames(f.module); len(rules) > 0 {
			pkg := f.module.Package.Path.String()
			if teams[pkg] == nil {
				teams[pkg] = map[string]bool{}
			}
			maps.Copy(teams[pkg], rules)
		}
	}
	replaced := map[string]bool{}
	for _, f := range library.files {
		if f.module != nil {
			pkg := f.module.Package.Path.String()
			if theirs, ok := teams[pkg]; ok && (!onlyDecision(f.module) || theirs["decision"]) {
				replaced[pkg] = true
				continue
			}
		}
		out.files = append(out.files, f)
	}
	out.files = append(out.files, team.files...)
	out.replaced = slices.Sorted(maps.Keys(replaced))
	faults = append(faults, checkSettings(library.data, team.data)) // before the two are one
	faults = append(faults, merge(out.data, team.data, "data", sameKind))
	return out, errors.Join(faults...)
}

// isReserved reports whether the path, which begins with data, is in the
// library's package.
func isReserved(pkg ast.Ref) bool {
	return len(pkg) > 1 && pkg[1].Equal(ast.StringTerm(reserved))
}

func ruleNames(module *ast.Module) map[string]bool {
	names := map[string]bool{}
	for _, rule := range module.Rules {
		names[rule.Head.Ref()[0].String()] = true
	}
	return names
}

func onlyDecision(module *ast.Module) bool {
	names := ruleNames(module)
	return len(names) == 1 && names["decision"]
}

// merge puts src into dst. Where both have a value and not both are objects,
// clash says whether src's may take its place.
func merge(dst, src map[string]any, at string, clash func(at string, old, new any) error) error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(src)) {
		old, both := dst[key]
		under, isObject := old.(map[string]any)
		over, overObject := src[key].(map[string]any)
		switch here := at + "." + key; {
		case both && isObject && overObject:
			faults = append(faults, merge(under, over, here, clash))
		case both:
			if err := clash(here, old, src[key]); err != nil {
				faults = append(faults, err)
				continue
			}
			dst[key] = src[key]
		default:
			dst[key] = src[key]
		}
	}
	return errors.Join(faults...)
}

// refuseClash is for files of one set: none of them comes first.
func refuseClash(at string, _, _ any) error {
	return fmt.Errorf("%s is stated by another file already", at)
}

// sameKind is for a team's data over the library's: the team's wins, as long as
// it is the kind of value that the policies expect.
func sameKind(at string, old, new any) error {
	if kind(old) != kind(new) {
		return fmt.Errorf("%s is %s, and must be %s", at, kind(new), kind(old))
	}
	return nil
}

// checkSettings reports settings of the team that the library does not have: a
// misspelled one would silently not hold.
func checkSettings(library, team map[string]any) error {
	ours, _ := library[reserved].(map[string]any)
	theirs, _ := team[reserved].(map[string]any)
	return unknown(ours, theirs, "data."+reserved)
}

func unknown(ours, theirs map[string]any, at string) error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		value, known := ours[key]
		if !known {
			faults = append(faults, fmt.Errorf("%s.%s is no setting", at, key))
			continue
		}
		under, keyed := value.(map[string]any)
		if keyed && len(under) == 0 {
			continue // what stands in it is called what the team calls it
		}
		over, _ := theirs[key].(map[string]any)
		faults = append(faults, unknown(under, over, at+"."+key))
	}
	return errors.Join(faults...)
}

// kind names the JSON type of a value.
func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", value)
}
