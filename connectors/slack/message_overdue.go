package slack

import (
	"fmt"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// overdue tells the operators that a target has not confirmed what it was told.
func (s scribe) overdue(v access.NoticeView) *draft {
	b := *v.Binding
	if b.DueAt == nil {
		return s.mended(v)
	}
	word, meaning := "closed", "🚨 *The access may still exist*, although no grant is live. Curfew goes on trying."
	if b.Desired == access.Present {
		word, meaning = "open", "Access that was granted may not work yet. Curfew goes on trying."
	}
	what := bare(b.Entitled, nameOf(v.Case))
	late := spell(v.Now.Sub(*b.DueAt))
	d := open("⚠️ Delivery overdue", fmt.Sprintf("Overdue for %s: %s has not confirmed that %s of %s is %s",
		late, inline(b.Target, maxName), what, plainly(b.Subject), word))
	d.say("*%s* has not confirmed that %s of %s is *%s*.", inline(b.Target, maxName), thing(b.Entitled, nameOf(v.Case)), s.who(b.Subject), word)
	d.say("%s", meaning)
	if b.LastClass == access.ClassTargetMissing {
		d.say("The target, or its secret, is not in the configuration: nobody can be told.")
	}
	d.Blocks = append(d.Blocks, facts(
		"Since", fmt.Sprintf("%s (%s)", s.at(*b.DueAt), late),
		"Attempts", fmt.Sprintf("%d at generation %d", b.Attempts, b.Generation),
		"Binding", b.ID,
	))
	d.cite("Last error", b.LastError, maxComment)
	return d
}

// mended is what an overdue delivery is once the target has confirmed it.
func (s scribe) mended(v access.NoticeView) *draft {
	b := *v.Binding
	what := thing(b.Entitled, nameOf(v.Case))
	d := open("✅ Delivery confirmed", fmt.Sprintf("Confirmed: %s of %s", bare(b.Entitled, nameOf(v.Case)), plainly(b.Subject)))
	d.lines(
		fmt.Sprintf("%s of %s was overdue and is not any more.", what, s.who(b.Subject)),
		s.target(v, b.Desired),
	)
	d.small(b.ID)
	return d
}

// facts is a list of names with what each is.
func facts(pairs ...string) slackapi.Block {
	var fields []*slackapi.TextBlockObject
	for i := 0; i+1 < len(pairs); i += 2 {
		fields = append(fields, mrkdwn("*"+pairs[i]+"*\n"+pairs[i+1]))
	}
	return slackapi.NewSectionBlock(nil, fields, nil)
}
