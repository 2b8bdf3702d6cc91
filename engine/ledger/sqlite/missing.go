package sqlite

import "strings"

// NoTable reports whether a statement failed because its table is not there.
func (db *DB) NoTable(err error) bool { return noTable(err) }

// NoTable reports whether a statement failed because its table is not there.
func (r *Reader) NoTable(err error) bool { return noTable(err) }

func noTable(err error) bool { return err != nil && strings.Contains(err.Error(), "no such table") }
