package ledger

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// PackedSnapshot is a snapshot as it is stored. Packing takes its time, and so is
// done before a transaction.
type PackedSnapshot struct {
	Digest string // of what it says, whenever it was said

	source           string
	kind             access.SourceKind
	fetchedAt, until time.Time
	faults           []string
	text, body       []byte // JSON, and that compressed
}

// PackSnapshot encodes a snapshot. The times that move with every poll are beside
// its body: one that says nothing new has the body of the one before.
func PackSnapshot(s access.Snapshot) (p PackedSnapshot, err error) {
	p = PackedSnapshot{source: s.Source, kind: s.Kind, fetchedAt: s.FetchedAt, until: s.Until, faults: s.Faults}
	s.FetchedAt, s.Until = time.Time{}, time.Time{}
	if p.text, err = json.Marshal(s); err != nil {
		return p, fmt.Errorf("encode the snapshot of %q: %w", s.Source, err)
	}
	sum := sha256.Sum256(p.text)
	p.Digest = hex.EncodeToString(sum[:])
	return p, nil
}

// Compress makes the body, if there is none yet.
func (p *PackedSnapshot) Compress() error {
	if p.body != nil {
		return nil
	}
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := w.Write(p.text); err != nil {
		return err
	}
	err = w.Close()
	p.body = buf.Bytes()
	return err
}

// maxSnapshot bounds what a body may grow to: far more than any source says.
const maxSnapshot = 1 << 30

// Unpack returns the snapshot.
func (p PackedSnapshot) Unpack() (s access.Snapshot, err error) {
	r, err := gzip.NewReader(bytes.NewReader(p.body))
	if err != nil {
		return s, fmt.Errorf("the snapshot of %q: %w", p.source, err)
	}
	bounded := &io.LimitedReader{R: r, N: maxSnapshot}
	if err = json.NewDecoder(bounded).Decode(&s); err == nil {
		_, err = io.Copy(io.Discard, bounded) // to its checksum
	}
	if err == nil && bounded.N == 0 {
		err = errors.New("it is too large")
	}
	if err != nil {
		return s, fmt.Errorf("the snapshot of %q: %w", p.source, err)
	}
	s.Source, s.Kind, s.FetchedAt, s.Until = p.source, p.kind, p.fetchedAt, p.until
	return s, nil
}
