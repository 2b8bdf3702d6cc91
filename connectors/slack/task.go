package slack

import (
	"context"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// submitClose closes a task. Its message is changed by its notice.
func (a *App) submitClose(ctx context.Context, cb *slackapi.InteractionCallback, p pressed) reply {
	comment := written(cb.View)
	if comment == "" {
		return faulty(blockComment, "Say what you found.")
	}
	return a.submit(ctx, cb, p, blockComment, func(ctx context.Context, who Caller) (string, error) {
		_, err := a.cfg.Desk.CloseTask(ctx, who, viewKey(cb), p.About, comment)
		if access.CodeOf(err) == codeKeyReused {
			return "What you submitted first counted; this did not.", nil
		}
		return "", err
	})
}
