package audit_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// eachFormat are those whose lines differ.
func eachFormat() []audit.Format {
	return []audit.Format{audit.FormatJSON, audit.FormatNDJSON, audit.FormatCSV, audit.FormatOCSF}
}

// full is an event of the type with every member that there is.
func full(typ string) audit.Event {
	actor := access.Subject{Type: "user", ID: "bob@example.com"}
	start := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	return audit.Event{
		ID: "evt_01JD", Version: audit.Version, Type: typ, Time: start.Add(time.Hour + 5*time.Microsecond), Actor: &actor,
		RequestID: "req_1", GrantID: "grt_1", BindingID: "bnd_1", DecisionID: "dec_1", Revision: "sha256:ab", Channel: "api",
		Source: "192.0.2.7", HTTPRequestID: "http-1",
		Data: map[string]any{
			"starts_at": start, "expires_at": start.Add(2 * time.Hour), "comment": "done, \"thanks\"", "reason": "why", "error": "401",
			"source": "cmdb", "task_id": "tsk_1", "alarm_id": "alm_1", "severity": "critical", "operation": "grant.list", "n": 1e21,
		},
	}.About(access.Entitled{
		Subject: access.Subject{Type: "user", ID: "alice@example.com"}, Action: access.Action{Name: "debug"},
		Resource: access.ResourceRef{Type: "customer", ID: "acme"},
	})
}

// bare is an event of the type with nothing that may be left out.
func bare(typ string) audit.Event {
	return audit.Event{ID: "evt_01JD", Version: audit.Version, Type: typ, Time: time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)}
}

func bytesOf(t *testing.T, e audit.Event) []byte {
	t.Helper()
	raw, err := e.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func written(t *testing.T, f audit.Format, seq int64, canonical []byte) []byte {
	t.Helper()
	line, err := f.Append(nil, seq, canonical)
	if err != nil {
		t.Fatalf("%s of %s: %v", f, canonical, err)
	}
	return line
}

// wantRead writes an event and reads it back.
func wantRead(t *testing.T, f audit.Format, seq int64, canonical []byte) []byte {
	t.Helper()
	line := written(t, f, seq, canonical)
	if n := bytes.Count(line, []byte("\n")); n != 1 || line[len(line)-1] != '\n' || bytes.ContainsRune(line, '\r') {
		t.Fatalf("%s is not one line:\n%s", f, line)
	}
	for _, l := range [][]byte{line, line[:len(line)-1], append(slices.Clone(line[:len(line)-1]), "\r\n"...)} {
		got, err := f.Canonical(l)
		if err != nil || !bytes.Equal(got, canonical) {
			t.Fatalf("from %s came\n%s (%v), want\n%s", f, got, err, canonical)
		}
	}
	if at, _, err := f.Read(line); err != nil || (f == audit.FormatCSV || f == audit.FormatOCSF) && at != seq {
		t.Fatalf("the line of %s is of %d (%v), want %d", f, at, err, seq)
	}
	return line
}

func TestEachFormatGivesBackTheBytesThatWereHashed(t *testing.T) {
	for _, f := range eachFormat() {
		for _, typ := range types(t) {
			wantRead(t, f, 1, bytesOf(t, full(typ)))
			wantRead(t, f, 1<<40, bytesOf(t, bare(typ)))
		}
	}
}

// texts are characters that some format has a meaning for.
var texts = []string{
	"", "a", "alice@example.com", `"`, `""`, `\`, `\"`, `,"{`, `","`, `"}`, `}`, `{`, "=1+1", "+1", "-1", "@SUM(A1)", "\ttab", "\r", "\n", "a\nb",
	"\x00", "\x1f", "\x7f", "é", "😀", "\u2028", "＝1", " lead", "trail ", "'", `\.`, `\n`, `,"raw_data":"`, `","raw_data":"x"}`, "null", "<b>&",
	strings.Repeat("x", 3000), `{"metadata":{"version":"1.8.0","sequence":7,`, "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "a@b", "a@.b", "@a.b",
}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(3) + 1 {
		b.WriteString(texts[r.IntN(len(texts))])
	}
	return b.String()
}

func randomValue(r *rand.Rand, deep int) any {
	switch n := r.IntN(11); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n == 2:
		return r.Int64() - r.Int64()
	case n == 3:
		return r.NormFloat64() * 1e300
	case n == 4:
		return time.UnixMicro(r.Int64N(4e15)).UTC()
	case n == 5 && deep > 0:
		return []any{randomValue(r, deep-1), randomValue(r, deep-1)}
	case n == 6 && deep > 0:
		return map[string]any{randomText(r): randomValue(r, deep-1), "b": randomValue(r, deep-1)}
	default:
		return randomText(r)
	}
}

// dataNames are members that a format looks at.
var dataNames = []string{"starts_at", "expires_at", "comment", "reason", "error", "detail", "source", "task_id", "severity", "other"}

func randomEvent(r *rand.Rand, types []string) audit.Event {
	maybe := func() audit.Text {
		if r.IntN(3) == 0 {
			return ""
		}
		return audit.Text(randomText(r))
	}
	e := audit.Event{
		ID: "evt_" + randomText(r), Version: audit.Version, Type: types[r.IntN(len(types))], Time: time.UnixMicro(r.Int64N(4e15)).UTC(),
		RequestID: maybe(), GrantID: maybe(), BindingID: maybe(), DecisionID: maybe(), Revision: maybe(), Channel: maybe(), Source: maybe(),
		HTTPRequestID: maybe(),
	}
	if r.IntN(5) == 0 {
		e.Type = randomText(r) + "." + randomText(r)
	}
	if r.IntN(2) == 0 {
		e.Actor = &access.Subject{Type: randomText(r), ID: randomText(r)}
	}
	if r.IntN(2) == 0 {
		e.Subject = &access.Subject{Type: randomText(r), ID: randomText(r)}
	}
	if r.IntN(2) == 0 {
		e.Action = &access.Action{Name: randomText(r)}
	}
	if r.IntN(2) == 0 {
		e.Resource = &access.ResourceRef{Type: randomText(r), ID: randomText(r)}
	}
	if r.IntN(4) > 0 {
		e.Data = map[string]any{}
		for range r.IntN(6) {
			e.Data[dataNames[r.IntN(len(dataNames))]] = randomValue(r, 2)
		}
		if r.IntN(4) == 0 {
			e.Data[randomText(r)] = randomValue(r, 3)
		}
	}
	return e
}

// someEvents calls what is wanted of any event, each time the same ones.
func someEvents(t *testing.T, want func(e audit.Event, canonical []byte)) {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 1962))
	all := types(t)
	for range 4000 {
		e := randomEvent(r, all)
		want(e, bytesOf(t, e))
	}
}

func TestAnyEventComesBackFromEachFormat(t *testing.T) {
	someEvents(t, func(_ audit.Event, canonical []byte) {
		for _, f := range eachFormat() {
			wantRead(t, f, 12, canonical)
		}
	})
}

// One record by the library that everybody reads CSV with.
func record(t *testing.T, line []byte) []string {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(line))
	cells, err := r.Read()
	if err != nil {
		t.Fatalf("%v in\n%s", err, line)
	}
	if more, err := r.Read(); err == nil {
		t.Fatalf("there is one more record, %v, in\n%s", more, line)
	}
	return cells
}

func TestCSVHasTheEventInColumns(t *testing.T) {
	want := map[string]string{
		"seq": "513", "time": "2026-11-22T03:00:00.000005Z", "type": "grant.ended", "actor": "user:bob@example.com",
		"subject": "user:alice@example.com", "action": "debug", "resource": "customer:acme", "request_id": "req_1", "grant_id": "grt_1",
		"binding_id": "bnd_1", "decision_id": "dec_1", "revision": "sha256:ab", "channel": "api", "source": "192.0.2.7", "http_request_id": "http-1",
	}
	e := full(audit.GrantEnded)
	canonical := bytesOf(t, e)
	header := record(t, audit.FormatCSV.Header())
	cells := record(t, written(t, audit.FormatCSV, 513, canonical))
	if len(header) != len(cells) {
		t.Fatalf("there are %d columns and %d cells", len(header), len(cells))
	}
	for i, name := range header {
		switch name {
		case "event":
			if cells[i] != string(canonical) || i != len(header)-1 {
				t.Errorf("column %d is the event: %s", i, cells[i])
			}
		case "data":
			var data map[string]any
			if err := json.Unmarshal([]byte(cells[i]), &data); err != nil || data["comment"] != e.Data["comment"] {
				t.Errorf("data is %s (%v)", cells[i], err)
			}
		default:
			if cells[i] != want[name] {
				t.Errorf("%s is %q, want %q", name, cells[i], want[name])
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("there are no columns for %v", want)
	}
}

// A record is, byte by byte, what encoding/csv makes of its cells; and no cell begins
// as a formula does.
func TestCSVIsThatOfTheLibraryAndNoFormulaForAnyEvent(t *testing.T) {
	someEvents(t, func(_ audit.Event, canonical []byte) {
		line := written(t, audit.FormatCSV, 7, canonical)
		cells := record(t, line)
		var again bytes.Buffer
		w := csv.NewWriter(&again)
		if err := w.Write(cells); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if !bytes.Equal(again.Bytes(), line) {
			t.Fatalf("got\n%s\nwant\n%s", line, again.Bytes())
		}
		for i, cell := range cells {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") || strings.HasPrefix(cell, "＝") {
				t.Fatalf("cell %d begins as a formula does: %q", i, cell)
			}
		}
	})
}

// Readers look at the columns. So a line that says something else than its event is no
// line of an export.
func TestChangedLineIsRefused(t *testing.T) {
	canonical := bytesOf(t, full(audit.GrantEnded))
	for name, tc := range map[string]struct {
		format   audit.Format
		from, to string
	}{
		"another actor in a cell":     {audit.FormatCSV, "513,2026-11-22T03:00:00.000005Z,grant.ended,user:bob@", "513,2026-11-22T03:00:00.000005Z,grant.ended,user:eve@"},
		"a cell with quotes":          {audit.FormatCSV, ",debug,", `,"debug",`},
		"a cell more":                 {audit.FormatCSV, ",debug,", ",debug,,"},
		"a number that is none":       {audit.FormatCSV, "513,", "5a3,"},
		"a number with a zero":        {audit.FormatCSV, "513,", "0513,"},
		"no event in the record":      {audit.FormatCSV, `,"{""action""`, `,"(""action""`},
		"another user in OCSF":        {audit.FormatOCSF, `"uid":"alice@example.com"`, `"uid":"eve@example.com"`},
		"another time in OCSF":        {audit.FormatOCSF, `"time":1795316400000`, `"time":1795316400001`},
		"a member more in OCSF":       {audit.FormatOCSF, `{"metadata"`, `{"count":2,"metadata"`},
		"a blank in OCSF":             {audit.FormatOCSF, `,"class_uid"`, `, "class_uid"`},
		"another mapping of OCSF":     {audit.FormatOCSF, `"log_version":"1"`, `"log_version":"2"`},
		"no raw data in OCSF":         {audit.FormatOCSF, `"raw_data"`, `"raw_date"`},
		"raw data that is no event":   {audit.FormatOCSF, `"raw_data":"{`, `"raw_data":"(`},
		"a number that is not in it":  {audit.FormatOCSF, `"sequence":513`, `"sequence":x`},
		"raw data with a blank in it": {audit.FormatOCSF, `"raw_data":"{`, `"raw_data":"\n{`},
	} {
		t.Run(name, func(t *testing.T) {
			line := string(written(t, tc.format, 513, canonical))
			edited := strings.Replace(line, tc.from, tc.to, 1)
			if edited == line {
				t.Fatalf("%q is not in\n%s", tc.from, line)
			}
			if got, err := tc.format.Canonical([]byte(edited)); err == nil {
				t.Fatalf("it is taken for %s", got)
			}
		})
	}
	for _, f := range []audit.Format{audit.FormatCSV, audit.FormatOCSF} {
		line := written(t, f, 513, canonical)
		for at := range line { // cut short anywhere, and of any one byte
			if _, err := f.Canonical(line[:at]); err == nil && at < len(line)-1 {
				t.Fatalf("%s is taken with %d bytes of %d", f, at, len(line))
			}
			edited := slices.Clone(line)
			edited[at] ^= 1
			if seq, got, err := f.Read(edited); err == nil && seq == 513 && bytes.Equal(got, canonical) && at < len(line)-1 {
				t.Fatalf("%s is taken with byte %d changed", f, at)
			}
		}
	}
}

func TestWhatIsNoEventIsNotWritten(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":              ``,
		"no JSON":              `{"id":"evt_1","type":"a.b","time":"2026-11-22T03:00:00Z"`,
		"a list":               `["id"]`,
		"no id":                `{"type":"a.b","time":"2026-11-22T03:00:00Z"}`,
		"a type that is none":  `{"id":"evt_1","type":7,"time":"2026-11-22T03:00:00Z"}`,
		"more than one object": `{"id":"evt_1","type":"a.b","time":"2026-11-22T03:00:00Z"}{}`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []audit.Format{audit.FormatCSV, audit.FormatOCSF, "xml"} {
				if line, err := f.Append([]byte("before"), 3, []byte(body)); err == nil || string(line) != "before" {
					t.Errorf("%s writes %s, %v", f, line, err)
				}
			}
		})
	}
	if _, err := audit.FormatOCSF.Append(nil, 3, []byte(`{"id":"evt_1","type":"a.b","time":"yesterday"}`)); err == nil {
		t.Error("an event without a time is written")
	}
	if _, err := audit.Format("xml").Canonical([]byte("{}")); err == nil {
		t.Error("a line of no format is read")
	}
}

// An event that was edited in the ledger is still written, as it is now: an export of
// such a log is what shows it.
func TestEditedEventIsWrittenAsItIs(t *testing.T) {
	body := "{ \"time\": \"2026-11-22T03:00:00Z\",\n\t\"type\":\"grant.ended\", \"id\" : \"evt_1\", \"data\":[1, 2], \"subject\":3, \"action\":\"x\" }"
	for _, f := range []audit.Format{audit.FormatCSV, audit.FormatOCSF} {
		line := written(t, f, 1, []byte(body))
		if got, err := f.Canonical(line); err == nil && bytes.Equal(audit.Leaf(got), audit.Leaf(bytesOf(t, bare(audit.GrantEnded)))) {
			t.Errorf("%s gives back %s", f, got)
		}
	}
}

func TestFormatsAreReadByTheirNames(t *testing.T) {
	for _, f := range eachFormat() {
		if got, err := audit.FormatOf(string(f)); got != f || err != nil {
			t.Errorf("%q is %q, %v", f, got, err)
		}
		if !strings.Contains(f.ContentType(), "/") {
			t.Errorf("%q has the media type %q", f, f.ContentType())
		}
	}
	if got, err := audit.FormatOf(""); got != audit.FormatJSON || err != nil {
		t.Errorf("nothing is %q, %v", got, err)
	}
	if _, err := audit.FormatOf("xml"); !errors.Is(err, access.ErrInvalid) {
		t.Errorf("xml is %v", err)
	}
}

func BenchmarkFormat(b *testing.B) {
	canonical, err := full(audit.GrantEnded).Canonical()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range eachFormat()[1:] {
		line, err := f.Append(nil, 7, canonical)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint("append/", f), func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 8192)
			for b.Loop() {
				if buf, err = f.Append(buf[:0], 7, canonical); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("read/", f), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Canonical(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
