package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/curfew-access/curfew/engine/access"
)

// LedgerHead is what a ledger says of its log as a whole.
type LedgerHead struct {
	Seq, Size, Removed int64
	Told               int64 // up to here, events say that events were removed
	Edge               Edge  // of the stored tree
	Checkpoint         string
	CheckpointSize     int64
}

// LedgerRow is an event with its place in the sequence, as a ledger stores both.
type LedgerRow struct {
	Seq     int64
	EventID string
	Leaf    string       // hex
	Event   *LedgerEvent // nil: it is not there
}

// LedgerEvent is an event as a ledger stores it: its body, and the columns by which it
// is found.
type LedgerEvent struct {
	Columns EventColumns
	Body    []byte
}

// EventColumns are the columns by which an event is found. A text that is empty is none.
type EventColumns struct {
	ID, Type, Subject, Resource, Actor, RequestID, GrantID, BindingID string

	At time.Time
}

// LedgerNote is a signed checkpoint that a ledger keeps.
type LedgerNote struct {
	Size int64
	Note string
}

// Inspection checks a ledger's log while it is read from its beginning to its end. The
// tree is grown twice, of the leaves that are stored and of the events that are there:
// which of the two was signed tells what was changed.
type Inspection struct {
	report  Report
	head    LedgerHead
	trust   Trust
	nodes   map[nodeKey]Hash // that are stored, and were not met yet
	stored  Edge             // of the leaves
	actual  Edge             // of the events
	next    int64
	holds   int64 // up to here, a signed root holds
	broken  bool  // a signed root does not
	rootsNo bool  // roots can not be computed any more: a leaf is missing

	odd      []oddEvent     // events that are not their leaf's, since the last root that holds
	edited   map[int]Hash   // findings of such, by their place, with the hash of what is there
	oddLeaf  map[Hash]int64 // the leaves of such, all of them
	bad      []Node         // stored hashes that do not follow, since then
	badSpan  *span          // of whole tiles, behind what is broken
	strange  []strangeNote
	rotation []namedKey
}

// namedKey is a key that an event says the log was, or is, signed by.
type namedKey struct {
	seq      int64
	verifier string
}

type nodeKey struct {
	level int
	n     int64
}

// oddEvent is an event whose hash is not the leaf in its place.
type oddEvent struct {
	seq          int64
	stored, real Hash
	ref          *EventRef
}

type span struct{ from, through int64 }

// strangeNote is a note by a key that is not known yet, with what the tree was there.
type strangeNote struct {
	size int64
	note string

	stored, actual Hash // roots
	known          bool
}

// NewInspection begins to check a log.
func NewInspection(head LedgerHead, trust Trust) *Inspection {
	i := &Inspection{head: head, trust: trust, nodes: map[nodeKey]Hash{}, oddLeaf: map[Hash]int64{}, edited: map[int]Hash{}, next: 1}
	i.report.Format, i.report.Through = FormatJSON, head.Size
	return i
}

// Node takes a stored hash of a whole tile. All of them come before the events.
func (i *Inspection) Node(level int, n int64, text string) {
	h, err := hashOf(text)
	if err != nil {
		i.report.add(Finding{Kind: FoundTree, Seq: n<<level + 1, Through: (n + 1) << level, Text: fmt.Sprintf(
			"what is stored of the tree for the events %d to %d is no hash", n<<level+1, (n+1)<<level)})
	}
	i.nodes[nodeKey{level, n}] = h
}

func hashOf(text string) (h Hash, err error) {
	raw, err := hex.DecodeString(text)
	if err == nil && len(raw) != len(h) {
		err = errors.New("not a hash")
	}
	if err == nil {
		h = Hash(raw)
	}
	return h, err
}

// Put takes the leaf of an event that is not kept any more.
func (i *Inspection) Put(seq int64, leaf Hash) {
	i.missing(seq - 1)
	i.grow(leaf, leaf)
}

// Row takes an event that has its place in the sequence.
func (i *Inspection) Row(r LedgerRow) {
	if r.Seq > i.head.Seq {
		i.report.add(Finding{Kind: FoundInserted, Seq: r.Seq, Event: refOfRow(r), Text: fmt.Sprintf(
			"event %d (%s) is behind the last that was sealed, which is %d", r.Seq, refOfRow(r), i.head.Seq)})
		return
	}
	i.missing(r.Seq - 1)
	stored, err := hashOf(r.Leaf)
	real := stored
	if r.Event != nil {
		real = tlog.RecordHash(r.Event.Body)
		i.columns(r)
		i.keysOf(r.Seq, r.Event.Body)
	} else {
		i.report.add(Finding{Kind: FoundRemoved, Seq: r.Seq, Text: fmt.Sprintf("event %d (%s) is not there any more; its hash is", r.Seq, r.EventID)})
	}
	if err != nil {
		stored = Hash{}
	}
	if stored != real {
		i.odd = append(i.odd, oddEvent{r.Seq, stored, real, refOfRow(r)})
		i.oddLeaf[stored] = r.Seq
	}
	if r.Seq <= i.head.Size {
		i.grow(stored, real)
		return
	}
	i.next++
}

// StillThere tells of an event that is said to be removed.
func (i *Inspection) StillThere(r LedgerRow) {
	i.report.add(Finding{Kind: FoundInserted, Seq: r.Seq, Event: refOfRow(r), Text: fmt.Sprintf(
		"event %d (%s) is there, and audit_head says that it is not kept any more", r.Seq, refOfRow(r))})
}

func refOfRow(r LedgerRow) *EventRef {
	if r.Event == nil {
		return &EventRef{ID: r.EventID}
	}
	if ref := refOf(r.Event.Body); ref != nil {
		return ref
	}
	return &EventRef{ID: r.EventID, Type: r.Event.Columns.Type, Time: r.Event.Columns.At}
}

// missing tells of numbers that nothing has, up to one.
func (i *Inspection) missing(through int64) {
	if i.next > through {
		return
	}
	text := fmt.Sprintf("event %d is missing: nothing has its number", i.next)
	if through > i.next {
		text = fmt.Sprintf("the events %d to %d are missing: nothing has their numbers", i.next, through)
	}
	i.report.add(Finding{Kind: FoundRemoved, Seq: i.next, Through: through, Text: text + "; what is signed behind them can not be checked"})
	i.settle(false, false)
	i.rootsNo, i.next = true, through+1
}

func (i *Inspection) grow(stored, real Hash) {
	i.next++
	if i.rootsNo {
		return
	}
	i.stored.Add(stored, i.whole)
	i.actual.Add(real, nil)
}

// whole holds the hash of a whole tile against the one that is stored.
func (i *Inspection) whole(n Node) {
	key := nodeKey{n.Level, n.N}
	h, there := i.nodes[key]
	delete(i.nodes, key)
	if there && h == n.Hash {
		return
	}
	if !i.broken {
		i.bad = append(i.bad, n)
		return
	}
	if n.Level != TileHeight {
		return
	}
	from, through := n.N<<n.Level+1, (n.N+1)<<n.Level
	if i.badSpan != nil && i.badSpan.through == from-1 {
		i.badSpan.through = through
		return
	}
	i.flushSpan()
	i.badSpan = &span{from, through}
}

// flushSpan tells of tiles that are not those that are stored, where no signed root
// can tell any more.
func (i *Inspection) flushSpan() {
	if s := i.badSpan; s != nil && s.from > i.holds {
		i.report.add(Finding{Kind: FoundUnsigned, Seq: s.from, Through: s.through, Text: fmt.Sprintf(
			"of the events %d to %d, too, the hashes are not those that are stored of the tree", s.from, s.through)})
	}
	i.badSpan = nil
}

// Note takes a signed checkpoint, when all events up to its size were taken.
func (i *Inspection) Note(n LedgerNote) {
	c, err := OpenCheckpoint(n.Note, i.trust.Keys...)
	if errors.Is(err, ErrUnknownKey) {
		i.strange = append(i.strange, strangeNote{n.Size, n.Note, i.stored.Root(), i.actual.Root(), !i.rootsNo})
		return
	}
	if err == nil && c.Size != n.Size {
		err = fmt.Errorf("it is of %d events", c.Size)
	}
	if err != nil {
		i.report.add(Finding{Kind: FoundForged, Seq: n.Size, Text: fmt.Sprintf("the checkpoint that is kept of %d events: %s", n.Size, err)})
		return
	}
	i.signed(c)
	if i.report.Checkpoint == nil || c.Size >= i.report.Checkpoint.Size {
		i.report.Checkpoint = committed(c)
	}
}

// Kept takes a checkpoint that was kept outside, when all events up to its size were
// taken.
func (i *Inspection) Kept(c Checkpoint) {
	switch {
	case i.rootsNo || c.Size != i.stored.Size || c.Root != i.stored.Root() && c.Root != i.actual.Root():
		i.report.add(rewritten(c.Size))
	default:
		i.report.Since = append(i.report.Since, c.Size)
	}
}

// signed holds the tree so far against a root that a trusted key signed.
func (i *Inspection) signed(c Checkpoint) {
	if i.rootsNo || c.Size != i.stored.Size {
		return
	}
	okStored, okActual := c.Root == i.stored.Root(), c.Root == i.actual.Root()
	if okStored || okActual {
		i.settle(okStored, okActual)
		if i.holds = c.Size; !okStored {
			i.stored = i.actual.Clone()
		}
		i.actual = i.stored.Clone() // what was changed before is known; it is not to hide what is behind
		return
	}
	if i.broken {
		return
	}
	from, through := i.holds+1, c.Size
	for _, n := range i.bad { // a tile may tell more closely
		if n.Level == TileHeight && (n.N+1)<<n.Level > i.holds && n.N<<n.Level < c.Size {
			from, through = max(from, n.N<<n.Level+1), min(through, (n.N+1)<<n.Level)
			break
		}
	}
	i.report.add(unsigned(from, through, false))
	i.bad, i.broken = nil, true
	i.settle(false, false)
}

// settle tells what the events and hashes are that were found odd, once it is known
// which of them was signed.
func (i *Inspection) settle(okStored, okActual bool) {
	for _, o := range i.odd {
		f := Finding{Kind: FoundEdited, Seq: o.seq, Event: o.ref}
		switch {
		case okActual && !okStored:
			f.Kind, f.Text = FoundTree, fmt.Sprintf("event %d (%s) is what was signed, and the hash that is stored of it is not", o.seq, o.ref)
		case okStored:
			f.Text = fmt.Sprintf("event %d (%s) is not what was signed", o.seq, o.ref)
		default:
			f.Text = fmt.Sprintf("event %d (%s) is not what its hash says", o.seq, o.ref)
		}
		if f.Kind == FoundEdited {
			i.edited[len(i.report.Findings)] = o.real
		}
		i.report.add(f)
	}
	i.odd = nil
	for _, n := range i.bad {
		if !okStored && okActual {
			break // it is the leaf that was changed, which was told
		}
		i.treeEdited(n.Level, n.N, "is not theirs, or is missing")
	}
	i.bad = nil
}

func (i *Inspection) treeEdited(level int, n int64, what string) {
	from, through := n<<level+1, (n+1)<<level
	i.report.add(Finding{Kind: FoundTree, Seq: from, Through: through, Text: fmt.Sprintf(
		"the hash that is stored of the events %d to %d %s", from, through, what)})
}

// Unsealed takes an event that has no place in the sequence and waits for none, or
// waits though it has one or is not there.
func (i *Inspection) Unsealed(id, why string) {
	i.report.add(Finding{Kind: FoundUnsealed, Event: &EventRef{ID: id}, Text: fmt.Sprintf("%s %s", id, why)})
}

// MissingNote tells that a checkpoint is not kept that must be.
func (i *Inspection) MissingNote(size int64, why string) {
	i.report.add(Finding{Kind: FoundMissing, Seq: size, Text: fmt.Sprintf("the checkpoint of %d events is not there: %s", size, why)})
}

// Done closes the inspection, when all was taken.
func (i *Inspection) Done() Report {
	i.missing(i.head.Seq)
	stored := !i.rootsNo && i.stored.Size == i.head.Size && i.stored.Text() == i.head.Edge.Text()
	actual := !i.rootsNo && i.actual.Size == i.head.Size && i.actual.Text() == i.head.Edge.Text()
	if !i.rootsNo && !i.broken && !stored && !actual {
		i.report.add(Finding{Kind: FoundTree, Seq: i.head.Size, Text: "the edge of the tree in audit_head is not that of the events"})
	}
	i.settle(stored || i.holds == i.head.Size, actual)
	i.flushSpan()
	for key := range i.nodes {
		if !i.rootsNo {
			i.treeEdited(key.level, key.n, "is of events that there are not")
		}
	}
	i.strangers()
	i.unproved()
	i.untold()
	i.moved()
	if !i.rootsNo && !i.broken {
		root := i.stored.Root()
		i.report.Root = &root
	}
	i.report.Events = i.stored.Size
	slices.SortStableFunc(i.report.Findings, func(a, b Finding) int { return int(a.Seq - b.Seq) })
	return i.report.done()
}

// moved tells events that stand in another's place from those that were edited.
func (i *Inspection) moved() {
	for at, real := range i.edited {
		if from := i.oddLeaf[real]; from != 0 && at < len(i.report.Findings) {
			f := &i.report.Findings[at]
			f.Kind, f.Text = FoundReordered, fmt.Sprintf("in the place of event %d is event %d (%s)", f.Seq, from, f.Event)
		}
	}
}

// strangers opens notes by keys that only the log itself names: an event that a
// trusted key signed says so of the keys before and after it, and what those signed, in
// turn, of others. An event that nobody signed makes no key known.
func (i *Inspection) strangers() {
	for again := true; again; {
		again = false
		left := i.strange[:0]
		for _, n := range i.strange {
			if !i.vouched(n) {
				left = append(left, n)
				continue
			}
			again = true
		}
		i.strange = left
	}
	for _, n := range i.strange {
		if n.size <= i.head.Removed { // the event that named its key is gone with those that it was signed of
			continue
		}
		i.report.add(Finding{Kind: FoundUnknown, Seq: n.size, Text: fmt.Sprintf(
			"the checkpoint that is kept of %d events is signed by none of the keys that are trusted, nor by one that the log names", n.size)})
	}
}

// vouched opens a note by the keys that are known so far, and reports whether one of
// them signed it.
func (i *Inspection) vouched(n strangeNote) bool {
	c, err := OpenCheckpoint(n.note, i.named()...)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return false
	case err != nil || c.Size != n.size:
		i.report.add(Finding{Kind: FoundForged, Seq: n.size, Text: fmt.Sprintf("the checkpoint that is kept of %d events is not what was signed", n.size)})
	case n.known && c.Root != n.stored && c.Root != n.actual && !i.broken:
		i.report.add(unsigned(1, n.size, false))
	case n.known && !i.broken:
		i.holds = max(i.holds, c.Size)
	}
	return true
}

// named are the keys that events name which were signed.
func (i *Inspection) named() (keys []string) {
	for _, k := range i.rotation {
		if k.seq <= i.holds {
			keys = append(keys, k.verifier)
		}
	}
	return keys
}

// unproved tells of events that no signed root holds, though a tree is grown of them:
// whoever signs does so as it grows.
func (i *Inspection) unproved() {
	if i.rootsNo || i.broken || i.holds >= i.head.Size {
		return
	}
	i.report.add(Finding{Kind: FoundUnsigned, Seq: i.holds + 1, Through: i.head.Size, Text: fmt.Sprintf(
		"of the events %d to %d no checkpoint is there that a trusted key signed: nothing proves them", i.holds+1, i.head.Size)})
}

// untold tells of events that are said to be removed by the rules of retention, which
// says so itself.
func (i *Inspection) untold() {
	if i.head.Removed > i.head.Told {
		i.report.add(Finding{Kind: FoundRemoved, Seq: i.head.Told + 1, Through: i.head.Removed, Text: fmt.Sprintf(
			"the events %d to %d are not there any more, and no event tells that they were removed as too old", i.head.Told+1, i.head.Removed)})
	}
}

// keysOf reads the keys that an event says the log is signed by.
func (i *Inspection) keysOf(seq int64, body []byte) {
	var event struct {
		Type string
		Data struct{ From, To []string }
	}
	if !bytes.Contains(body, []byte(`"`+KeyChanged+`"`)) || json.Unmarshal(body, &event) != nil || event.Type != KeyChanged {
		return
	}
	for _, key := range slices.Concat(event.Data.From, event.Data.To) {
		if _, err := KeyID(key); err == nil {
			i.rotation = append(i.rotation, namedKey{seq, key})
		}
	}
}

// columns holds the columns by which an event is found against what it says.
func (i *Inspection) columns(r LedgerRow) {
	want, err := ColumnsOf(r.Event.Body)
	if err != nil {
		return // it is not what was signed, which its hash tells
	}
	var wrong []string
	for _, c := range []struct{ name, want, got string }{
		{"id", want.ID, r.EventID}, {"type", want.Type, r.Event.Columns.Type},
		{"at", want.At.Format(time.RFC3339Nano), r.Event.Columns.At.Format(time.RFC3339Nano)},
		{"subject", want.Subject, r.Event.Columns.Subject}, {"resource", want.Resource, r.Event.Columns.Resource},
		{"actor", want.Actor, r.Event.Columns.Actor}, {"request_id", want.RequestID, r.Event.Columns.RequestID},
		{"grant_id", want.GrantID, r.Event.Columns.GrantID}, {"binding_id", want.BindingID, r.Event.Columns.BindingID},
	} {
		if c.want != c.got {
			wrong = append(wrong, fmt.Sprintf("%s is %q, and the event says %q", c.name, c.got, c.want))
		}
	}
	for _, text := range wrong {
		i.report.add(Finding{Kind: FoundColumn, Seq: r.Seq, Event: refOfRow(r), Text: fmt.Sprintf("of event %d (%s) the column %s", r.Seq, refOfRow(r), text)})
	}
}

// ColumnsOf is what an event is found by.
func ColumnsOf(body []byte) (c EventColumns, err error) {
	var e struct {
		ID, Type string
		Time     time.Time
		Subject  *access.Subject
		Resource *access.ResourceRef
		Actor    *access.Subject

		RequestID string `json:"request_id"`
		GrantID   string `json:"grant_id"`
		BindingID string `json:"binding_id"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return c, err
	}
	c = EventColumns{ID: e.ID, Type: e.Type, At: e.Time.UTC(), RequestID: e.RequestID, GrantID: e.GrantID, BindingID: e.BindingID}
	if e.Subject != nil {
		c.Subject = e.Subject.String()
	}
	if e.Resource != nil {
		c.Resource = e.Resource.String()
	}
	if e.Actor != nil {
		c.Actor = e.Actor.String()
	}
	return c, nil
}
