package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// The target does what it is told, and its answer is lost.
func timedOutAfterSuccess(p *part) {
	g := p.opened(alice, hour)
	p.target.Script(target.Hang().Acting(), target.Close().Acting())
	p.revoke(g)
	p.closed(g, access.EndRevoked)
	p.once(g, access.VerbDeprovision, 2)
	if n := len(p.calls(g, access.VerbDeprovision)); n < 2 {
		p.Errorf("the target was told %d times; want it told again after it was silent", n)
	}
}

// Answers of every kind that nobody has on a list. None of them is taken for a yes,
// and none for the end of trying.
func unknownAnswers(p *part) {
	g := p.opened(alice, hour)
	for _, status := range []int{
		http.StatusMultipleChoices, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusConflict, http.StatusGone, http.StatusTeapot, 499, http.StatusNotImplemented, 529, 599,
	} {
		p.target.Script(target.Answer(status).Saying("no"))
	}
	p.target.Script(target.Answer(http.StatusFound).With("Location", p.target.URL()), target.Garbage(), target.Close())
	p.revoke(g)
	p.w.untilIn(p.T, 2*patience, "the target has said it all", func() error { return p.told(g, 16) })
	p.closed(g, access.EndRevoked)
	p.once(g, access.VerbDeprovision, 2)
}

// told reports whether a target heard as often as that to close.
func (p *part) told(g access.Grant, n int) error {
	if got := len(p.calls(g, access.VerbDeprovision)); got < n {
		return fmt.Errorf("it heard of the end %d times; want %d", got, n)
	}
	return nil
}

// Nobody knows what a target did that refused to open: it is told to close.
func neverProvisioned(p *part) {
	p.target.Otherwise(target.Answer(http.StatusInternalServerError).Acting())
	g := p.granted(alice, moment)
	p.becomes("it ends in its time", g, func(now engine.GrantView) bool { return now.State == access.GrantEnded })
	if p.may(alice) {
		p.Error("a check says yes after the end")
	}
	p.w.until(p.T, "the target is told to close", func() error { return p.told(g, 1) })
	p.target.Otherwise(target.Serve())
	p.closed(g, access.EndExpired) // asserted again when the last provision can not come any more
	p.once(g, access.VerbProvision, 1)
}

// The provision hangs when its grant is revoked. It comes late, and what it opened is
// closed again.
func revokedMeanwhile(p *part) {
	p.target.Script(target.Hang())
	g := p.granted(alice, hour)
	p.target.Await(p.T, "the provision has come", target.Seen(1))
	p.revoke(g)
	p.w.until(p.T, "the target is told to close, without waiting", func() error { return p.told(g, 1) })
	p.target.Release()
	p.target.Await(p.T, "the provision came late", func(s target.State) bool { return s.Calls[0].Acted })
	p.target.Await(p.T, "it is taken back", func(s target.State) bool { return !s.Exists[p.entitled(alice)] })
	p.closed(g, access.EndRevoked)
}

// pastWhenWritten asks for less time than the ledger takes to write it down.
func pastWhenWritten(p *part) {
	p.opened(bob, hour) // so that everything is warm
	p.w.line.Delay(moment / 4)
	began := time.Now()
	status, raw, err := p.w.call(alice, http.MethodPost, "/v1/requests", `{"action": {"name": "debug"}, "resource": {"type": "customer", "id": `+
		strconv.Quote(p.id)+`}, "for": "`+moment.String()+`", "reason": "slow"}`)
	took := time.Since(began)
	p.w.line.Delay(0)
	if took < moment {
		p.Fatalf("it took %s: %d %s %v; the story wants it to last longer than the access", took, status, raw, err)
	}
	p.w.until(p.T, "what was given is over", func() error { return p.over(alice) })
}

// over reports what is left of somebody's access.
func (p *part) over(who string) error {
	if p.may(who) {
		return fmt.Errorf("a check says yes")
	}
	if p.target.Exists(p.entitled(who)) {
		return fmt.Errorf("it is open at the target")
	}
	var page engine.Page[engine.GrantView]
	err := p.w.try(operator, http.MethodGet, "/v1/grants?scope=all&limit=100&subject="+subject(who).String(), nil, &page)
	if err != nil {
		return err
	}
	for _, g := range page.Items {
		if g.State != access.GrantEnded || g.Binding.Desired != access.Absent || g.Binding.NextAt != nil {
			return fmt.Errorf("the grant is %+v", g)
		}
	}
	return nil
}
