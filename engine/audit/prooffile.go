package audit

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// A proof file proves an export. It is NDJSON: a header, and then lines of one
// base64 text, each the leaf hashes of at most TileWidth events, one behind the
// other.

// proofVersion is the version of the file.
const proofVersion = 1

// ProofHeader is the first line of a proof file. It says which events the export
// holds, and leads from the tree before them to a signed checkpoint.
type ProofHeader struct {
	Version    int    `json:"curfew_proof"`
	Origin     string `json:"origin"`
	After      int64  `json:"after"` // the export begins behind this event
	Through    int64  `json:"through"`
	Edge       []Hash `json:"edge"`       // the peaks of the tree of After
	Checkpoint string `json:"checkpoint"` // a signed note of a tree of Through, or more
	// Checkpoints are signed notes of sizes in between: they tell where the leaves
	// cease to be those that were signed.
	Checkpoints []string `json:"checkpoints,omitempty"`
	// Consistency leads to trees that are not among those of After to Through.
	Consistency []Consistency `json:"consistency,omitempty"`
}

// Consistency proves that the tree of To goes on from that of From.
type Consistency struct {
	From  int64  `json:"from"`
	To    int64  `json:"to"`
	Proof []Hash `json:"proof"`
}

// Line is the header as it stands in the file.
func (h ProofHeader) Line() ([]byte, error) {
	h.Version = proofVersion
	if h.Edge == nil {
		h.Edge = []Hash{}
	}
	raw, err := json.Marshal(h)
	return append(raw, '\n'), err
}

// edge is the tree before the export.
func (h ProofHeader) edge() Edge { return Edge{Size: h.After, Peaks: h.Edge}.Clone() }

// check reports why the header can not be one.
func (h ProofHeader) check() error {
	switch {
	case h.Version != proofVersion:
		return fmt.Errorf("the proof is of version %d; this release of curfew reads %d", h.Version, proofVersion)
	case h.After < 0 || h.Through < h.After:
		return fmt.Errorf("the proof is of the events behind %d to %d, which can not be", h.After, h.Through)
	case len(h.Edge) != bits.OnesCount64(uint64(h.After)):
		return fmt.Errorf("the proof has %d hashes of the tree of %d, which has %d", len(h.Edge), h.After, bits.OnesCount64(uint64(h.After)))
	}
	return nil
}

// AppendLeaves writes a line with the leaves behind buf.
func AppendLeaves(buf []byte, leaves []Hash) []byte {
	raw := make([]byte, 0, len(leaves)*tlog.HashSize)
	for _, leaf := range leaves {
		raw = append(raw, leaf[:]...)
	}
	buf = append(buf, '"')
	buf = base64.StdEncoding.AppendEncode(buf, raw)
	return append(buf, '"', '\n')
}

// ParseHash reads a hash in base64.
func ParseHash(text string) (Hash, error) { return tlog.ParseHash(text) }

// The bounds of what is read of a proof file.
const (
	maxProofHeader = 64 << 20
	maxProofLine   = 4 + TileWidth*tlog.HashSize*2
)

// proofReader reads a proof file.
type proofReader struct {
	ProofHeader
	in   *bufio.Reader
	left []byte // leaves that are read and not taken
	read int64  // leaves that were taken
}

// errNoProof says that a file is no proof file.
var errNoProof = errors.New("this is no proof file such as curfew audit export writes it")

func openProof(r io.Reader) (*proofReader, error) {
	p := &proofReader{in: bufio.NewReaderSize(r, 64<<10)}
	line, err := readLine(p.in, nil, maxProofHeader)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoProof, err)
	}
	if err := json.Unmarshal(line, &p.ProofHeader); err != nil || p.Version == 0 {
		return nil, errors.Join(errNoProof, err)
	}
	return p, p.check()
}

// leaf is the next leaf; io.EOF behind the last.
func (p *proofReader) leaf() (leaf Hash, err error) {
	if p.read == p.Through-p.After {
		return leaf, p.end()
	}
	for len(p.left) == 0 {
		if err := p.fill(); err != nil {
			return leaf, err
		}
	}
	leaf, p.left = Hash(p.left[:tlog.HashSize]), p.left[tlog.HashSize:]
	p.read++
	return leaf, nil
}

// end makes sure that nothing follows the last leaf.
func (p *proofReader) end() error {
	if _, err := p.in.ReadByte(); len(p.left) > 0 || err == nil {
		return fmt.Errorf("the proof has more leaves than the %d that it says", p.Through-p.After)
	}
	return io.EOF
}

func (p *proofReader) fill() error {
	line, err := readLine(p.in, nil, maxProofLine)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the proof is cut off: it has %d leaves, and says %d", p.read, p.Through-p.After)
	}
	if err != nil {
		return err
	}
	text, is := bytes.CutPrefix(line, []byte{'"'})
	text, has := bytes.CutSuffix(text, []byte{'"'})
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if !is || !has || err != nil || len(raw) == 0 || len(raw)%tlog.HashSize != 0 {
		return fmt.Errorf("the proof can not be read behind its leaf %d", p.read)
	}
	p.left = raw
	return nil
}

// readLine reads a line into buf, without its end. io.EOF says that there is none.
func readLine(in *bufio.Reader, buf []byte, limit int) ([]byte, error) {
	buf = buf[:0]
	for {
		part, err := in.ReadSlice('\n')
		buf = append(buf, part...)
		switch {
		case len(buf) > limit:
			return buf, fmt.Errorf("a line is longer than %d bytes", limit)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(buf) > 0:
			return buf, nil
		case err != nil:
			return buf, err
		}
		return bytes.TrimSuffix(buf[:len(buf)-1], []byte{'\r'}), nil
	}
}
