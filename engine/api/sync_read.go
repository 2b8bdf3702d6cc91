package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// The bounds of a snapshot's items.
const (
	maxItem  = 1 << 20   // bytes
	maxItems = 1_000_000 // in one snapshot
)

var errTooManyItems = access.Invalid("too_many_resources", "", "nothing was changed: there are more than %d resources; split them among sources", maxItems)

// listItems reads {"resources": […]}, an item at a time.
type listItems struct {
	lines *lineCounter
	dec   *jsontext.Decoder
	index int
	state listState
	taken bool // there was a member "resources"
}

// listState is what is read next.
type listState int

const (
	listBegin  listState = iota
	listMember           // of the object
	listItem             // of the array
	listEnd              // behind the object
)

// newListItems reads items from body, whose errors are access.Errors.
func newListItems(body io.Reader) *listItems {
	lines := &lineCounter{from: body, line: 1}
	// An item is read as it is, so that what is wrong with its texts and names is
	// the item's fault and not the end of the snapshot.
	dec := jsontext.NewDecoder(lines, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return &listItems{lines: lines, dec: dec}
}

// Next returns the next item.
func (l *listItems) Next() (engine.SyncItem, error) {
	for {
		l.lines.allow(l.dec.InputOffset() + maxItem)
		var step func() (engine.SyncItem, bool, error)
		switch l.state {
		case listBegin:
			step = l.begin
		case listMember:
			step = l.member
		case listItem:
			step = l.item
		case listEnd:
			step = l.end
		}
		item, done, err := step()
		if err != nil {
			return l.fault(err)
		}
		if done {
			return item, nil
		}
	}
}

func (l *listItems) begin() (item engine.SyncItem, done bool, err error) {
	switch kind := l.dec.PeekKind(); kind {
	case '{':
		l.state = listMember
		_, err = l.dec.ReadToken()
		return item, false, err
	case jsontext.KindInvalid:
		_, err = l.dec.ReadToken()
		if errors.Is(err, io.EOF) {
			err = errEmptyBody
		}
		return item, false, err
	default:
		return l.broken(access.Invalid("wrong_type", "", `the body is %s; want an object, {"resources": […]}`, kindWord(kind))), true, nil
	}
}

// member reads the name of a member and what its value begins with, or the end of
// the object.
func (l *listItems) member() (item engine.SyncItem, done bool, err error) {
	if l.dec.PeekKind() == '}' {
		if !l.taken {
			return l.broken(access.Invalid("no_resources", "", `there is no member "resources"; without resources, send {"resources": []}`)), true, nil
		}
		l.state = listEnd
		_, err = l.dec.ReadToken()
		return item, false, err
	}
	name, err := l.dec.ReadToken()
	if err != nil {
		return item, false, err
	}
	switch text := name.String(); {
	case text != "resources":
		return l.broken(unknownMember([]string{"resources"}, jsontext.Pointer("").AppendToken(text))), true, nil
	case l.taken:
		return l.broken(access.Invalid("duplicate_field", "/resources", "the member is there twice")), true, nil
	}
	switch kind := l.dec.PeekKind(); kind {
	case '[':
		l.taken, l.state = true, listItem
		fallthrough
	case jsontext.KindInvalid:
		_, err = l.dec.ReadToken()
		return item, false, err
	default:
		return l.broken(access.Invalid("wrong_type", "/resources", "it is %s; want an array", kindWord(kind))), true, nil
	}
}

// item reads the next item of the array, or its end.
func (l *listItems) item() (item engine.SyncItem, done bool, err error) {
	if l.dec.PeekKind() == ']' {
		l.state = listMember
		_, err = l.dec.ReadToken()
		return item, false, err
	}
	raw, err := l.dec.ReadValue()
	switch {
	case err != nil:
		return item, false, err
	case l.index == maxItems:
		return item, false, errTooManyItems
	}
	item = readItem(raw, l.lines.at(l.dec.InputOffset()-int64(len(raw))), l.index)
	l.index++
	return item, true, nil
}

func (l *listItems) end() (item engine.SyncItem, done bool, err error) {
	_, err = l.dec.ReadToken()
	if err == nil {
		return l.broken(errTrailingData), true, nil
	}
	return item, false, err
}

// broken is an item behind which nothing is read, at the place that was reached.
func (l *listItems) broken(fault error) engine.SyncItem {
	return l.brokenAt(l.dec.InputOffset(), fault)
}

func (l *listItems) brokenAt(offset int64, fault error) engine.SyncItem {
	return engine.SyncItem{Line: l.lines.at(offset), Index: l.index, Fault: fault, Broken: true}
}

// fault says what a failure to read means: that the body could not be read, or
// what is wrong with it, or that it is over.
func (l *listItems) fault(err error) (engine.SyncItem, error) {
	var known *access.Error
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, errItemTooLarge):
		return l.broken(errItemTooLarge), nil
	case errors.As(err, &known):
		return engine.SyncItem{}, err
	case errors.As(err, &syntax) && l.lines.marked:
		return l.brokenAt(0, errByteOrderMark), nil
	case errors.As(err, &syntax):
		fault := access.Invalid("malformed_json", "", "the body is not JSON: see the byte at offset %d", syntax.ByteOffset)
		return l.brokenAt(syntax.ByteOffset, fault), nil
	case errors.Is(err, io.EOF) && l.state == listEnd:
		return engine.SyncItem{}, io.EOF
	}
	return l.brokenAt(l.lines.read, access.Invalid("malformed_json", "", "the body is not JSON: it ends after %d bytes", l.lines.read)), nil
}

// lineItems reads a resource a line.
type lineItems struct {
	from  *bufio.Reader
	long  []byte // a line that is longer than the buffer
	line  int
	index int
	ended bool
}

// newLineItems reads items from body, whose errors are access.Errors.
func newLineItems(body io.Reader) *lineItems {
	return &lineItems{from: bufio.NewReaderSize(body, 64<<10)}
}

// Next returns the next item. Empty lines are none.
func (l *lineItems) Next() (engine.SyncItem, error) {
	for !l.ended {
		l.line++
		raw, err := l.readLine()
		switch {
		case errors.Is(err, errItemTooLarge):
			return engine.SyncItem{Line: l.line, Index: l.index, Fault: err, Broken: true}, nil
		case err != nil && !errors.Is(err, io.EOF):
			return engine.SyncItem{}, err
		}
		l.ended = err != nil
		if l.line == 1 && bytes.HasPrefix(raw, byteOrderMark) {
			return engine.SyncItem{Line: l.line, Index: l.index, Fault: errByteOrderMark, Broken: true}, nil
		}
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			continue
		}
		if l.index == maxItems {
			return engine.SyncItem{}, errTooManyItems
		}
		item := readItem(raw, l.line, l.index)
		l.index++
		return item, nil
	}
	if l.index == 0 {
		return engine.SyncItem{}, errNoLine
	}
	return engine.SyncItem{}, io.EOF
}

// errNoLine is what a program comes to that died before its first line. It is taken
// for no catalogue, also where everything may be archived.
var errNoLine = access.Invalid("empty_body", "", `nothing was changed: there is no line; without resources, send {"resources": []} as %s`, formJSON)

// byteOrderMark is what some programs begin a text with, and JSON never begins with.
var byteOrderMark = []byte("\ufeff") //nolint:gochecknoglobals // a constant

var errByteOrderMark = access.Invalid("malformed_json", "", "the body begins with a byte order mark; save it as UTF-8 without one")

// readLine returns a line, which is good until the next one is read.
func (l *lineItems) readLine() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.from.ReadSlice('\n')
		if len(l.long) == 0 && !errors.Is(err, bufio.ErrBufferFull) {
			return part, err
		}
		if l.long = append(l.long, part...); len(l.long) > maxItem {
			return nil, errItemTooLarge
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return l.long, err
		}
	}
}

var errItemTooLarge = access.Invalid("item_too_large", "", "the item has more than %d bytes; nothing behind it was read", maxItem)

// lineCounter knows in which line a byte is. It hands out no more than is allowed:
// who reads a value from it holds all of it.
type lineCounter struct {
	from     io.Reader
	read     int64 // bytes so far
	allowed  int64
	line     int     // of the byte that was asked for last
	newlines []int64 // offsets of those behind it
	marked   bool    // it begins with a byte order mark
}

// allow lets bytes be read up to an offset.
func (c *lineCounter) allow(offset int64) { c.allowed = offset }

// Read returns bytes, and notes where lines end.
func (c *lineCounter) Read(p []byte) (int, error) {
	left := c.allowed - c.read
	if left <= 0 {
		return 0, errItemTooLarge
	}
	n, err := c.from.Read(p[:min(int64(len(p)), left)])
	c.marked = c.marked || c.read == 0 && bytes.HasPrefix(p[:n], byteOrderMark)
	for at := 0; ; {
		i := bytes.IndexByte(p[at:n], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		c.newlines = append(c.newlines, c.read+int64(at-1))
	}
	c.read += int64(n)
	return n, err
}

// at returns the line of the byte at the offset, which is not before the one that
// was asked for last.
func (c *lineCounter) at(offset int64) int {
	passed := 0
	for passed < len(c.newlines) && c.newlines[passed] < offset {
		passed++
	}
	c.line += passed
	c.newlines = append(c.newlines[:0], c.newlines[passed:]...)
	return c.line
}
