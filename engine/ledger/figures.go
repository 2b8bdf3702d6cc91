package ledger

import "github.com/curfew-access/curfew/engine/access"

// Figures counts for operators what is in the ledger.
type Figures struct {
	Live    int64 // grants that give access now
	Overdue int64 // bindings that were not brought to their state in time
	Tasks   access.TaskCounts
	Notices access.NoticeCounts
	Alarms  access.AlarmCounts
	Verify  access.VerifyCounts
}

// Figures counts; asked are the contracts whose targets are asked whether bindings
// exist. It reads the indexes of what is not over, so that it costs what there is now,
// and not what there ever was.
func (tx *Tx) Figures(asked ...string) (f Figures, err error) {
	now := micros(tx.now)
	err = tx.row(`
		SELECT (SELECT COUNT(*) FROM grants WHERE state <> 'ended' AND expires_at > $1)
		     - (SELECT COUNT(*) FROM grants WHERE state = 'scheduled' AND expires_at > $2),
		       (SELECT COUNT(*) FROM bindings WHERE next_at IS NOT NULL AND due_at IS NOT NULL AND (due_at < $3 OR last_class = $4))`,
		now, now, micros(tx.now.Add(-access.OverdueAfter)), string(access.ClassTargetMissing)).Scan(&f.Live, &f.Overdue)
	if err == nil {
		f.Tasks, err = tx.taskCounts()
	}
	if err == nil {
		f.Notices, err = tx.noticeCounts()
	}
	if err == nil {
		f.Alarms, err = tx.alarmCounts()
	}
	if err == nil {
		f.Verify, err = tx.verifyCounts(asked)
	}
	return f, err
}
