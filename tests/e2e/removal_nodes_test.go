package e2e_test

import (
	"net/http"
	"strings"
	"sync"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// Two say yes at the same moment, each to another gateway.
func approvedTwice(p *part) {
	for range 5 {
		r := p.ask(alice, hour, map[string]any{"reason": askFirst})
		if r.State != access.RequestPending {
			p.Fatalf("the request is %s: %+v", r.State, r.Decision)
		}
		p.approveAtBoth(r.ID)
		var now engine.RequestView
		p.must(operator, http.MethodGet, "/v1/requests/"+r.ID, nil, &now)
		if now.State != access.RequestApproved || now.Grant == nil {
			p.Fatalf("the request is %+v", now)
		}
		g := *now.Grant
		p.settles(g, access.Present)
		var page engine.Page[engine.GrantView]
		p.must(operator, http.MethodGet, "/v1/grants?scope=all&limit=100&subject="+subject(alice).String(), nil, &page)
		live := 0
		for _, other := range page.Items {
			if other.Live {
				live++
			}
		}
		if live != 1 {
			p.Errorf("%d grants are live; want one", live)
		}
		p.revoke(g)
		p.closed(g, access.EndRevoked)
	}
	first, last := p.target.Calls()[0], p.target.Calls()[len(p.target.Calls())-1]
	if first.Message.Data.Binding.ID != last.Message.Data.Binding.ID || last.Generation() != 10 {
		p.Errorf("the last message is %s; want one binding, turned ten times", last)
	}
}

// approveAtBoth has two people say yes at the same time.
func (p *part) approveAtBoth(id string) {
	var saying sync.WaitGroup
	codes := make([]int, 2)
	for n, who := range []string{security, guard} {
		saying.Go(func() {
			request, err := http.NewRequest(http.MethodPost, p.w.url(n)+"/v1/requests/"+id+"/approve", strings.NewReader("{}"))
			if err != nil {
				p.Error(err)
				return
			}
			request.Header.Set("Authorization", "Bearer "+p.w.secrets["token-"+who])
			request.Header.Set("Content-Type", "application/json")
			response, err := p.w.client.Do(request)
			if err != nil {
				p.Error(err)
				return
			}
			codes[n] = response.StatusCode
			_ = response.Body.Close()
		})
	}
	saying.Wait()
	for _, code := range codes {
		if code != http.StatusOK && code != http.StatusConflict {
			p.Errorf("the approvals are answered %v", codes)
		}
	}
	if codes[0] != http.StatusOK && codes[1] != http.StatusOK {
		p.Errorf("nobody's approval counted: %v", codes)
	}
}
