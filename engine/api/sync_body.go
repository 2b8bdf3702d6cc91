package api

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// A snapshot may take longer than other calls, as long as bytes come.
const (
	snapshotSilence = 30 * time.Second // without a byte it ends
	snapshotWithin  = 10 * time.Minute // in all
	snapshotAnswer  = 6 * time.Minute  // from its last byte to the answer
)

// snapshotBody is the bytes of a snapshot, unpacked.
type snapshotBody struct {
	line   *patientBody
	packed bool
	from   io.Reader // nil before the first byte was asked for
	left   int64     // unpacked bytes that may still come
}

func newSnapshotBody(in *incoming, packed bool) *snapshotBody {
	return &snapshotBody{
		line:   &patientBody{body: in.bounded(), deadlines: http.NewResponseController(in.writer)},
		packed: packed, left: maxSnapshot,
	}
}

// Read returns bytes of it. An error other than io.EOF is an access.Error.
func (b *snapshotBody) Read(p []byte) (int, error) {
	if b.from == nil {
		b.from = b.line
		if b.packed {
			unpacked, err := gzip.NewReader(b.line)
			if err != nil {
				return 0, b.fault(err)
			}
			b.from = unpacked
		}
	}
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errSnapshotTooLarge
	}
	if err == nil || errors.Is(err, io.EOF) && b.line.lost == nil {
		return n, err
	}
	return n, b.fault(err)
}

var errSnapshotTooLarge = access.Invalid("body_too_large", "", "the body has more than %d bytes, unpacked", int64(maxSnapshot))

// fault says why the body could not be read.
func (b *snapshotBody) fault(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(b.line.lost, &tooLarge):
		return errSnapshotTooLarge
	case errors.Is(b.line.lost, os.ErrDeadlineExceeded):
		return access.Invalid("body_broke_off", "", "nothing was changed: no byte came for %s, or not all came in %s", snapshotSilence, snapshotWithin)
	case b.line.lost != nil:
		return access.Invalid("body_broke_off", "", "nothing was changed: the body ended early or could not be read")
	case errors.Is(err, io.EOF): // of an empty body
		return errEmptyBody
	}
	return access.Invalid("unreadable_body", "", "nothing was changed: the body can not be unpacked as gzip")
}

// patientBody moves the deadlines of its connection as long as bytes come.
type patientBody struct {
	body      io.Reader
	deadlines *http.ResponseController
	until     time.Time // the last deadline that it may be given
	moved     time.Time
	lost      error // what ended it, if that is not its end
}

// Read returns bytes of the body.
func (b *patientBody) Read(p []byte) (int, error) {
	now := time.Now()
	if b.until.IsZero() {
		b.until = now.Add(snapshotWithin)
	}
	if now.Sub(b.moved) > time.Second {
		b.move(now)
	}
	n, err := b.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.lost = err
	}
	return n, err
}

// move gives the next byte its time. A writer that has no deadlines, of a test,
// has none to be moved.
func (b *patientBody) move(now time.Time) {
	b.moved = now
	next := now.Add(snapshotSilence)
	if next.After(b.until) {
		next = b.until
	}
	_ = b.deadlines.SetReadDeadline(next)
	_ = b.deadlines.SetWriteDeadline(next.Add(snapshotAnswer))
}
