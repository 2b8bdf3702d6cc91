package ledger

// ConfirmExport notes that events up to a number are kept outside, and returns up to
// which they are known to be.
func (tx *Tx) ConfirmExport(through int64) (confirmed int64, err error) {
	err = tx.row(`UPDATE audit_head SET confirmed = CASE WHEN confirmed < $1 THEN $1 ELSE confirmed END WHERE id = 1 RETURNING confirmed`, through).Scan(&confirmed)
	return confirmed, err
}
