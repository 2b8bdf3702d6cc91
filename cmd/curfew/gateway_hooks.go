package main

import "net/http"

// hooks are the handlers of signed messages from outside, by path.
func (g *gateway) hooks() (map[string]http.Handler, error) {
	hooks := map[string]http.Handler{}
	fromPagerDuty, err := g.pagerDutyHandler()
	if err != nil {
		return nil, err
	}
	if fromPagerDuty != nil {
		hooks[pagerDutyHook] = fromPagerDuty
	}
	if fromSlack := g.slackHook(); fromSlack != nil {
		hooks[slackHooks] = fromSlack
	}
	return hooks, nil
}

// hookFigures is what became of the messages to each hook. There are none before
// the hook is made.
func (g *gateway) hookFigures() map[string]map[string]int64 {
	figures := map[string]map[string]int64{}
	if hook := g.hook.Load(); hook != nil {
		figures["pagerduty"] = hook.Counts()
	}
	if side := g.slack.Load(); side != nil {
		figures["slack"] = side.app.Counts()
	}
	return figures
}
