package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"github.com/curfew-access/curfew/engine"
)

// columns are those of the table.
var columns = []string{ //nolint:gochecknoglobals // a constant
	"grant_id", "subject", "action", "resource", "state", "starts_at", "expires_at", "ends_at", "end_reason", "usable_until",
	"request_id", "requester", "reason", "asked_for", "emergency", "channel", "asked_at",
	"decision_id", "effect", "reasons", "revision", "decided_at", "reviews",
	"binding_id", "target", "provisioned_at", "removal_state", "removal_attempts", "removed_at", "removal_seconds", "verified_at",
	"agrees_with_log", "differences", "events", "checkpoint_size", "checkpoint_root",
}

// writeCSV writes a record an access, under a header.
func writeCSV(out io.Writer, d Document) (n int, err error) {
	w := csv.NewWriter(out)
	if err := w.Write(columns); err != nil {
		return 0, err
	}
	for a, err := range d.Items {
		if err == nil {
			err = w.Write(record(a, d))
		}
		if err != nil {
			return n, err
		}
		n++
	}
	w.Flush()
	return n, w.Error()
}

func record(a engine.AccessItem, d Document) []string {
	cells := []string{
		a.GrantID, a.Subject.String(), a.Action.Name, a.Resource.String(), string(a.State),
		exact(&a.StartsAt), exact(&a.ExpiresAt), exact(a.EndsAt), orNone(a.EndReason), exact(a.UsableUntil),
		a.Request.ID, a.Request.Requester.String(), a.Request.Reason, asked(a.Request), strconv.FormatBool(a.Request.Emergency),
		string(a.Request.Channel), exact(&a.Request.AskedAt),
		a.Decision.ID, string(a.Decision.Effect), reasons(a.Decision.Reasons), a.Decision.Revision, exact(&a.Decision.DecidedAt), reviews(a),
		a.Binding.ID, a.Binding.Target, exact(a.ProvisionedAt), string(a.RemovalState),
	}
	cells = append(cells, removed(a)...)
	cells = append(cells, agreement(a.Proof), differences(a.Proof), events(a.Proof))
	cells = append(cells, checkpoint(d)...)
	for i, cell := range cells {
		cells[i] = guarded(cell)
	}
	return cells
}

// removed is how an access was removed, in four cells.
func removed(a engine.AccessItem) []string {
	cells := []string{"", exact(a.RemovedAt), "", ""}
	if r := a.Removal; r != nil {
		cells[0], cells[3] = strconv.Itoa(r.Attempts), exact(r.VerifiedAt)
		if r.Seconds != nil {
			cells[2] = strconv.FormatFloat(*r.Seconds, 'f', -1, 64)
		}
	}
	return cells
}

func checkpoint(d Document) []string {
	if d.Checkpoint == nil {
		return []string{"", ""}
	}
	return []string{strconv.FormatInt(d.Checkpoint.Size, 10), d.Checkpoint.Root.String()}
}

func reviews(a engine.AccessItem) string {
	lines := make([]string, len(a.Reviews))
	for i, v := range a.Reviews {
		lines[i] = review(v)
	}
	return strings.Join(lines, "\n")
}

// agreement is yes, no, or nothing when it is not known.
func agreement(p engine.AccessProof) string {
	if p.Agrees == nil {
		return ""
	}
	return strconv.FormatBool(*p.Agrees)
}

func differences(p engine.AccessProof) string {
	names := make([]string, len(p.Differs))
	for i, d := range p.Differs {
		names[i] = d.What
	}
	return strings.Join(names, " ")
}

// events is the numbers of the events that tell of an access, with their types.
func events(p engine.AccessProof) string {
	var parts []string
	for _, e := range p.Events {
		if e.Seq != nil {
			parts = append(parts, strconv.FormatInt(*e.Seq, 10)+":"+e.Type)
		}
	}
	return strings.Join(parts, " ")
}

func orNone[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

// guarded is a cell that a spreadsheet does not take for a formula: people chose its
// text. The wide characters are what some programs read as their narrow twins.
func guarded(cell string) string {
	if strings.ContainsAny(firstOf(cell), "=+-@\t\r\n＝＋－＠") {
		return "'" + cell
	}
	return cell
}

func firstOf(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}
