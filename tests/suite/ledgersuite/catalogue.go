package ledgersuite

import (
	"slices"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// resourcesAreFound looks for resources by what people type, whole and page by
// page.
func resourcesAreFound(t *testing.T, f *fixture) {
	offer := []access.Entitlement{{Action: "read", Target: "t"}}
	resources := []access.Resource{
		{Type: "customer", ID: "acme", Name: "Acme Corp", Entitlements: offer},
		{Type: "customer", ID: "globex", Name: "100% Ökonomie", Entitlements: offer},
		{Type: "db", ID: "main/eu", Name: "Customers' Database", Entitlements: offer},
		{Type: "db", ID: "a_b", Entitlements: offer},
		{Type: "app", ID: "globex-2", Name: "Globex, the app", Entitlements: offer},
		{Type: "db", ID: "axb", Name: "all\tof\nacme", Entitlements: offer},
		{Type: "db", ID: "empty", Name: "Acme's, without a use"},
		{Type: "db", ID: "gone", Name: "Acme's, archived", Entitlements: offer},
	}
	f.put("seed", resources...)
	f.put("seed", resources[:len(resources)-1]...) // the last is archived
	everything := []string{"app:globex-2", "customer:acme", "customer:globex", "db:a_b", "db:axb", "db:main/eu"}
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing typed is everything":         {"", everything},
		"blanks are nothing":                  {" \t\n", everything},
		"a part of a name, in any case":       {"CORP", []string{"customer:acme"}},
		"letters beyond ASCII, in any case":   {"öKONOMIE", []string{"customer:globex"}},
		"what begins so comes first":          {"acme", []string{"customer:acme", "db:axb"}},
		"what is called so is before that":    {"globex", []string{"customer:globex", "app:globex-2"}},
		"a whole name is one too":             {"acme corp", []string{"customer:acme"}},
		"a type, and then a name that has it": {"customer", []string{"customer:acme", "customer:globex", "db:main/eu"}},
		"the beginning of an id":              {"main", []string{"db:main/eu"}},
		"a resource as people write it":       {"db/main/e", []string{"db:main/eu"}},
		"a resource as the ledger writes it":  {"db:main", []string{"db:main/eu"}},
		"a slash of an id":                    {"main/eu", []string{"db:main/eu"}},
		"a percent sign is itself":            {"0%", []string{"customer:globex"}},
		"an underscore is itself":             {"a_b", []string{"db:a_b"}},
		"a mark of the pattern is itself":     {"!", nil},
		"a quote":                             {"s' d", []string{"db:main/eu"}},
		"what can not be seen is a blank":     {"all of", []string{"db:axb"}},
		"bytes that are no text":              {"ac\xffme c", []string{"customer:acme"}},
		"a null byte":                         {"acme\x00", []string{"customer:acme", "db:axb"}},
		"nothing has it":                      {"initech", nil},
	} {
		for _, size := range []int{10, 1} {
			got := findResources(f, ledger.ResourceFilter{Text: tc.text, Offering: true, Limit: size})
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s, in pages of %d: %v, want %v", name, size, got, tc.want)
			}
		}
	}
	all := findResources(f, ledger.ResourceFilter{Text: "without", Limit: 10})
	if !slices.Equal(all, []string{"db:empty"}) {
		t.Errorf("what offers nothing is found as %v", all)
	}
}

// findResources follows a list to its end.
func findResources(f *fixture, filter ledger.ResourceFilter) (names []string) {
	for {
		var page []ledger.FoundResource
		f.view(func(tx *ledger.Tx) (err error) {
			page, err = tx.FindResources(filter)
			return err
		})
		for _, r := range page {
			names = append(names, r.Ref().String())
			filter.After, filter.AfterRank = r.Ref().String(), r.Rank
		}
		if len(page) < filter.Limit {
			return names
		}
	}
}
