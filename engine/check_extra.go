package engine

import "context"

// extra is what the answer to a single check says in its context beside what was
// asked for; nil: nothing. It never changes the decision. It is on the path of every
// check: what it does not have to look up it must not, and of a yes nothing at all,
// which could be over by then.
func (e *Engine) extra(ctx context.Context, call Call, x Evaluation, v CheckView, shown *approved) map[string]any {
	return e.aboutRequests(ctx, call, x, v, shown)
}
