// Package tamper holds the table of what somebody can do to an audit log who may
// change the database, and where each of it is found. The tests run on both databases.
package tamper
