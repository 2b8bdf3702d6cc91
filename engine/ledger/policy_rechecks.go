package ledger

import (
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// PolicyStage is how far the evaluation of all live grants under a revision is.
type PolicyStage string

// The stages.
const (
	StageListing PolicyStage = "listing" // which grants there are
	StageJudging PolicyStage = "judging" // what policy says of each
	StageWaiting PolicyStage = "waiting" // for a second person: too many would end
	StageEnding  PolicyStage = "ending"  // those that are to end are queued
	StageDone    PolicyStage = "done"
)

// PolicyRecheck is the evaluation of all live grants under a revision.
type PolicyRecheck struct {
	Revision string
	Stage    PolicyStage
	After    string // while listing: the last grant that was listed
}

// RecheckWork is what there is to evaluate.
type RecheckWork struct {
	Active  string // revision for all nodes; "" before the first
	Due     bool   // there are rechecks whose time has come
	Policy  PolicyRecheck
	ToJudge bool // there are grants to be judged whose time has come
	Open    bool // there are grants that are not judged yet
}

// RecheckWork looks what there is to evaluate, with one statement.
func (tx *Tx) RecheckWork() (w RecheckWork, err error) {
	var due, judge, open int64
	err = tx.row(`
		SELECT (SELECT revision FROM policy_active WHERE id = 1), p.revision, p.stage, p.after,
		       CASE WHEN EXISTS (SELECT 1 FROM rechecks WHERE next_at <= $1) THEN 1 ELSE 0 END,
		       CASE WHEN EXISTS (SELECT 1 FROM policy_verdicts WHERE verdict = '' AND next_at <= $1) THEN 1 ELSE 0 END,
		       CASE WHEN EXISTS (SELECT 1 FROM policy_verdicts WHERE verdict = '') THEN 1 ELSE 0 END
		  FROM policy_recheck p WHERE p.id = 1`, micros(tx.now)).
		Scan(&w.Active, &w.Policy.Revision, &w.Policy.Stage, &w.Policy.After, &due, &judge, &open)
	w.Due, w.ToJudge, w.Open = due == 1, judge == 1, open == 1
	return w, err
}

// BeginPolicyRecheck begins the evaluation of all live grants under the revision,
// in the place of one that is under way.
func (tx *Tx) BeginPolicyRecheck(revision string) error {
	for _, statement := range []Statement{
		{`UPDATE policy_recheck SET revision = $1, stage = 'listing', after = '' WHERE id = 1`, []any{revision}},
		{`DELETE FROM policy_verdicts`, nil},
		{`DELETE FROM rechecks WHERE cause = $1`, []any{string(access.CausePolicy)}},
	} {
		if err := tx.exec(statement.SQL, statement.Args...); err != nil {
			return err
		}
	}
	return nil
}

// MovePolicyRecheck makes the evaluation what it is next. access.ErrConflict says
// that it is not as it was read any more.
func (tx *Tx) MovePolicyRecheck(from, to PolicyRecheck) error {
	return tx.changed(fmt.Errorf("the evaluation under %q is not %s any more: %w", from.Revision, from.Stage, access.ErrConflict), `
		UPDATE policy_recheck SET stage = $4, after = $5 WHERE id = 1 AND revision = $1 AND stage = $2 AND after = $3`,
		from.Revision, string(from.Stage), from.After, string(to.Stage), to.After)
}

// LiveGrantIDs lists the live grants by id, from after the one named.
func (tx *Tx) LiveGrantIDs(after string, limit int) ([]string, error) {
	return all(tx, scanText, `SELECT g.id FROM grants g WHERE g.state = 'active' AND g.expires_at > $1 AND g.id > $2 ORDER BY g.id LIMIT $3`,
		micros(tx.now), after, limit)
}

// AddVerdicts stores grants that are to be judged.
func (tx *Tx) AddVerdicts(grantIDs []string) error {
	rows := make([][]any, len(grantIDs))
	for i, id := range grantIDs {
		rows[i] = []any{id, "", int64(0), micros(tx.now)}
	}
	return tx.insertAll(`INSERT INTO policy_verdicts (grant_id, verdict, failures, next_at) VALUES`, rows)
}

// ToJudge is a grant that is to be judged under the revision.
type ToJudge struct {
	GrantID  string
	Failures int
}

// GrantsToJudge lists grants that are to be judged now.
func (tx *Tx) GrantsToJudge(limit int) ([]ToJudge, error) {
	return all(tx, func(row scanner) (j ToJudge, err error) { return j, row.Scan(&j.GrantID, &j.Failures) },
		`SELECT grant_id, failures FROM policy_verdicts WHERE verdict = '' AND next_at <= $1 ORDER BY next_at, grant_id LIMIT $2`,
		micros(tx.now), limit)
}

// SetVerdicts stores what policy said of grants.
func (tx *Tx) SetVerdicts(verdicts map[string]access.ContinueAction) error {
	for id, action := range verdicts {
		if err := tx.exec(`UPDATE policy_verdicts SET verdict = $2 WHERE grant_id = $1 AND verdict = ''`, id, string(action)); err != nil {
			return err
		}
	}
	return nil
}

// PostponeVerdict leaves the judging of a grant for later, after a failure.
func (tx *Tx) PostponeVerdict(j ToJudge, until time.Time) error {
	return tx.exec(`UPDATE policy_verdicts SET next_at = $2, failures = $3 WHERE grant_id = $1 AND verdict = ''`,
		j.GrantID, micros(until), int64(j.Failures+1))
}

// VerdictCounts is what policy said of all live grants.
type VerdictCounts struct{ Unjudged, Live, Ends, Flags int64 }

// VerdictCounts counts. What has ended since then does not count.
func (tx *Tx) VerdictCounts() (c VerdictCounts, err error) {
	count := func(verdict string) string {
		return `COALESCE(SUM(CASE WHEN v.verdict = '` + verdict + `' THEN 1 ELSE 0 END), 0)`
	}
	err = tx.row(`
		SELECT COUNT(*), `+count("")+`, `+count("end")+`, `+count("flag")+`
		  FROM policy_verdicts v JOIN grants g ON g.id = v.grant_id WHERE g.state = 'active' AND g.expires_at > $1`, micros(tx.now)).
		Scan(&c.Live, &c.Unjudged, &c.Ends, &c.Flags)
	return c, err
}

// VerdictsToEnd lists grants that are to end, by id.
func (tx *Tx) VerdictsToEnd(limit int) ([]string, error) {
	return all(tx, scanText, `
		SELECT v.grant_id FROM policy_verdicts v JOIN grants g ON g.id = v.grant_id
		 WHERE v.verdict = 'end' AND g.state = 'active' AND g.expires_at > $1 ORDER BY v.grant_id LIMIT $2`, micros(tx.now), limit)
}

// DropVerdicts forgets what policy said of the grants.
func (tx *Tx) DropVerdicts(grantIDs []string) error {
	return tx.deleteAll("policy_verdicts", "grant_id", grantIDs)
}

// ForgetVerdicts forgets what policy said of every grant.
func (tx *Tx) ForgetVerdicts() error { return tx.exec(`DELETE FROM policy_verdicts`) }
