package slack

import (
	"context"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

func TestClosingATaskSaysWhatWasFound(t *testing.T) {
	for name, tc := range map[string]struct {
		comment string
		err     error
		fault   string
		says    string
		asked   int
	}{
		"by another person":              {"was right", nil, "", "", 1},
		"without a word":                 {" ", nil, "Say what you found.", "", 0},
		"by who held it":                 {"was right", access.Denied("own_task", "no"), "You can not close a task about what you did", "", 1},
		"when it is closed":              {"was right", access.Conflict("task_not_open", "task tsk_1 is not open any more"), "Task tsk_1 is not open any more.", "", 1},
		"with other words a second time": {"was right", access.Invalid(codeKeyReused, "", "no"), "", "What you submitted first counted", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.desk.closeTask = func(context.Context, string, string) (access.Task, error) {
				return access.Task{ID: "tsk_1", State: access.TaskDone}, tc.err
			}
			view, faults := answered(t, w.app.reviewSubmitted(w.ctx(), filledIn(t, w.opened(actClose, "tsk_1"), comment(tc.comment))))
			if !strings.Contains(faults[blockComment], tc.fault) || tc.fault == "" && faults != nil {
				t.Errorf("said at the comment: %q", faults)
			}
			if (view != nil) != (tc.says != "") || view != nil && !strings.Contains(visibleBlocks(view.Blocks.BlockSet), tc.says) {
				t.Errorf("the form is now %+v", view)
			}
			calls := w.desk.called("close_task")
			if len(calls) != tc.asked || tc.asked == 1 && (calls[0].ID != "tsk_1" || calls[0].Text != "was right" || calls[0].Who.Subject != bobS || calls[0].Key == "") {
				t.Errorf("the desk was asked %+v", calls)
			}
		})
	}
}
