package audit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// maxEventLine is how long the line of an event may be.
const maxEventLine = 64 << 20

// comparison holds the lines of an export against the leaves of its proof, one by
// one. At the first line that is not its leaf's, line and leaf are remembered, and
// looked for in all that follows: where they are found says what was done.
type comparison struct {
	format  Format
	in      *bufio.Reader
	number  int64 // of the line that was read last
	seq     int64 // of the leaf that was compared last
	matched int64
	seen    []uint64 // the beginnings of the leaves that matched
	line    record
	last    record // the line before
	fault   *fault
}

// record is a line of an export.
type record struct {
	number    int64
	raw       []byte
	canonical []byte
	leaf      Hash
	seq       int64 // that it says it has; 0: it says none
	bad       error // it can not be read, or says something else than its event
	unread    bool  // there is no event in it at all
}

// fault is the first place where line and leaf are not of each other.
type fault struct {
	seq, line int64
	want      Hash // the leaf; the zero hash behind the last
	beyond    bool // behind the last leaf
	over      bool // behind the last line
	got       record
	before    *EventRef
	column    string // not the event, but what is shown beside it
	after     *EventRef

	gotBefore int64 // the event that the line is of, when it was there already
	gotBehind int64 // the event that the line is of, when it belongs further on
	gotAgain  bool  // the line is there again
	wantLine  int64 // where the event stands that is wanted here
	wantRef   *EventRef
	lines     int64 // that follow
	leaves    int64 // that follow
}

func newComparison(events io.Reader, format Format, after int64) (*comparison, error) {
	c := &comparison{format: format, in: bufio.NewReaderSize(events, 256<<10), seq: after}
	for _, want := range bytes.SplitAfter(format.Header(), []byte{'\n'}) {
		if len(want) == 0 {
			continue
		}
		line, err := readLine(c.in, nil, maxEventLine)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if !bytes.Equal(line, bytes.TrimRight(want, "\r\n")) {
			return nil, fmt.Errorf("the file does not begin as %s does that curfew exports: is it another format?", format)
		}
		c.number++
	}
	return c, nil
}

// leaf takes the next leaf of the proof.
func (c *comparison) leaf(leaf Hash) error {
	c.seq++
	if c.fault != nil {
		c.fault.follows(c.seq, leaf)
		return nil
	}
	over, err := c.read()
	if err == nil {
		c.compare(leaf, over)
	}
	return err
}

// compare holds the line that was read against its leaf.
func (c *comparison) compare(leaf Hash, over bool) {
	switch {
	case over || c.line.unread || c.line.leaf != leaf:
		c.stop(leaf, false, over)
	case c.line.bad != nil || c.line.seq != 0 && c.line.seq != c.seq:
		c.stop(leaf, false, false)
		c.fault.column = c.columnOf(c.line)
	default:
		c.matched++
		c.seen = append(c.seen, beginning(leaf))
	}
}

func beginning(h Hash) uint64 { return binary.BigEndian.Uint64(h[:]) }

// stop remembers where line and leaf were found not to be of each other.
func (c *comparison) stop(leaf Hash, beyond, over bool) {
	f := &fault{seq: c.seq, line: c.line.number, want: leaf, beyond: beyond, over: over, before: refOf(c.last.canonical)}
	if over {
		f.line, f.before = c.number, refOf(c.line.canonical)
	} else {
		f.got = c.line
		f.got.raw, f.got.canonical = bytes.Clone(c.line.raw), bytes.Clone(c.line.canonical)
		f.gotBefore = c.earlier(c.line)
	}
	c.fault = f
}

// earlier is the number of the event that a line repeats; 0 for none.
func (c *comparison) earlier(line record) int64 {
	if line.unread {
		return 0
	}
	for i, b := range c.seen {
		if b == beginning(line.leaf) {
			return c.seq - int64(len(c.seen)) + int64(i)
		}
	}
	return 0
}

// follows looks for the line in the leaves behind it.
func (f *fault) follows(seq int64, leaf Hash) {
	f.leaves++
	if f.gotBehind == 0 && !f.over && !f.got.unread && f.column == "" && leaf == f.got.leaf {
		f.gotBehind = seq
	}
}

// read reads the next line, unless there is none. The one before is kept, for its
// name.
func (c *comparison) read() (over bool, err error) {
	c.line, c.last = c.last, c.line
	raw, err := readLine(c.in, c.line.raw, maxEventLine)
	if err != nil {
		c.line, c.last = c.last, c.line
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		return false, err
	}
	c.number++
	c.line = record{number: c.number, raw: raw}
	c.line.seq, c.line.canonical, c.line.bad = c.format.Read(raw)
	if c.line.bad != nil {
		c.line.canonical = eventIn(c.format, raw)
		c.line.unread = len(c.line.canonical) == 0
	}
	c.line.leaf = tlog.RecordHash(c.line.canonical)
	return false, nil
}

// eventIn is the event in a line that says something else beside it; nil for none.
func eventIn(format Format, raw []byte) []byte {
	var canonical []byte
	switch format {
	case FormatCSV:
		_, canonical, _ = readCSV(raw)
	case FormatOCSF:
		_, canonical, _ = readOCSF(raw)
	case FormatJSON, FormatNDJSON:
	}
	return canonical
}

// columnOf names what of a line is not what its event says, of CSV the column.
func (c *comparison) columnOf(line record) string {
	if c.format != FormatCSV {
		return "something beside raw_data"
	}
	want, _ := c.format.Append(nil, c.seq, line.canonical)
	header, _ := csv.NewReader(bytes.NewReader(c.format.Header())).Read()
	wanted, _ := csv.NewReader(bytes.NewReader(want)).Read()
	shown, _ := csv.NewReader(bytes.NewReader(line.raw)).Read()
	for i := range min(len(header), len(wanted), len(shown)) {
		if wanted[i] != shown[i] {
			return fmt.Sprintf("the column %q", header[i])
		}
	}
	return "how the columns are written"
}

// finish reads what follows the last leaf, or the place that was found.
func (c *comparison) finish() error {
	if c.fault == nil {
		c.seq++
		over, err := c.read()
		if over || err != nil {
			return err
		}
		c.stop(Hash{}, true, false)
	}
	for f := c.fault; !f.over; {
		over, err := c.read()
		if over || err != nil {
			return err
		}
		f.lines++
		f.followed(c.line)
	}
	return nil
}

// followed looks for the event, and for the line again, in the lines behind it.
func (f *fault) followed(line record) {
	if f.lines == 1 {
		f.after = refOf(line.canonical)
	}
	if line.unread {
		return
	}
	if f.wantLine == 0 && !f.beyond && f.column == "" && line.leaf == f.want {
		f.wantLine, f.wantRef = line.number, refOf(line.canonical)
	}
	if !f.got.unread && line.leaf == f.got.leaf {
		f.gotAgain = true
	}
}
