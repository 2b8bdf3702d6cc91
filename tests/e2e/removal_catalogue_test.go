package e2e_test

import (
	"net/http"

	"github.com/curfew-access/curfew/engine/access"
)

// The customer leaves while somebody has access to it. Another customer of the same
// source comes in its place.
func resourceGone(p *part) {
	g := p.opened(alice, hour)
	r := p.sync(true, map[string]any{"type": "customer", "id": p.id + "-next", "name": "next", "properties": map[string]any{}, "entitlements": []any{}})
	if r.Archived != 1 || r.Created != 1 {
		p.Errorf("the snapshot changed %+v; want one archived and one created", r)
	}
	p.closed(g, access.EndResourceGone)
	if p.may(alice) {
		p.Error("a check says yes about what is gone")
	}
	status, raw, err := p.w.call(alice, http.MethodPost, "/v1/requests",
		`{"action": {"name": "debug"}, "resource": {"type": "customer", "id": "`+p.id+`"}, "for": "1h", "reason": "again"}`)
	if err != nil || status != http.StatusUnprocessableEntity {
		p.Errorf("what is gone is asked for: %d %s, %v", status, raw, err)
	}
	p.sync(true, p.customer())
	if next := p.opened(alice, hour); next.BindingID != g.BindingID {
		p.Error("access to what came back is another binding")
	}
}

// A listing that failed looks as if everything were gone.
func shrunk(p *part) {
	g := p.opened(alice, hour)
	status, raw, err := p.w.call(operator, http.MethodPut, "/v1/sources/source-"+p.id+"/resources", `{"resources": []}`)
	if err != nil || status != http.StatusConflict {
		p.Errorf("an empty snapshot is answered %d %s, %v; want it refused", status, raw, err)
	}
	if now := p.settles(g, access.Present); !now.Live || !p.may(alice) {
		p.Errorf("the grant is %+v; want it live", now)
	}
}
