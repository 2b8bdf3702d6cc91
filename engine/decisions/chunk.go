package decisions

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/klauspost/compress/zstd"

	"github.com/curfew-access/curfew/engine/access"
)

// packer makes chunks of batches.
type packer struct {
	encoder *zstd.Encoder
	node    string
}

func newPacker(node string) (packer, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	return packer{encoder: encoder, node: node}, err
}

// pack compresses a batch. The chunk has its id from here on, so that one that is
// written twice, because an answer did not come, is there once.
func (p packer) pack(b batch) access.DecisionChunk {
	return access.DecisionChunk{
		ID: access.NewID("chk", b.lastAt), FirstID: b.firstID, LastID: b.lastID, FirstAt: b.firstAt, LastAt: b.lastAt,
		Node: p.node, Count: b.count, Body: p.encoder.EncodeAll(b.lines, make([]byte, 0, len(b.lines)/4)),
	}
}

// Unpacker takes chunks apart, one after the other.
type Unpacker struct {
	decoder *zstd.Decoder
	lines   []byte
}

// maxUnpacked bounds what a chunk may be when it is unpacked. None is written
// that is a tenth of it.
const maxUnpacked = 64 << 20

// NewUnpacker returns one.
func NewUnpacker() (*Unpacker, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	return &Unpacker{decoder: decoder}, err
}

// Close lets its memory go.
func (u *Unpacker) Close() { u.decoder.Close() }

// Lines returns the lines of a chunk with the ids of their decisions. They are
// good until the next chunk is unpacked.
func (u *Unpacker) Lines(body []byte) (iter.Seq2[string, []byte], error) {
	lines, err := u.decoder.DecodeAll(body, u.lines[:0])
	if err != nil {
		return nil, fmt.Errorf("a chunk of the decision log can not be unpacked: %w", err)
	}
	u.lines = lines
	return func(yield func(string, []byte) bool) {
		for line := range bytes.Lines(lines) {
			if !yield(idOf(line), bytes.TrimSuffix(line, []byte("\n"))) {
				return
			}
		}
	}, nil
}

// idOf is the id of the decision that a line tells of.
func idOf(line []byte) string {
	id, _, _ := bytes.Cut(line[min(len(line), len(beforeID)+1):], []byte(`"`))
	return string(id)
}

// OfPath returns whether a line is of an entry point; every line, if it is "".
func OfPath(path string) func(line []byte) bool {
	if path == "" {
		return func([]byte) bool { return true }
	}
	want := append(appendText([]byte(beforePath), path), ',')
	return func(line []byte) bool {
		_, rest, _ := bytes.Cut(line[min(len(line), len(beforeID)+1):], []byte(`"`))
		return bytes.HasPrefix(rest, want)
	}
}
