package api

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// readers are the forms of a snapshot.
var readers = map[string]func(io.Reader) engine.SyncItems{
	"a list": func(r io.Reader) engine.SyncItems { return newListItems(r) },
	"lines":  func(r io.Reader) engine.SyncItems { return newLineItems(r) },
}

// However long a snapshot is, what is read ahead of the item that was taken is a
// buffer.
func TestSnapshotIsReadAnItemAtATime(t *testing.T) {
	const ahead = 128 << 10
	for name, reader := range readers {
		t.Run(name, func(t *testing.T) {
			from := &endless{separator: "\n"}
			if name == "a list" {
				from = &endless{rest: `{"resources":[`, separator: ",\n"}
			}
			items, taken := reader(from), 0
			for i := range 20_000 {
				item, err := items.Next()
				if err != nil || item.Fault != nil || item.Line != i+1 || item.Index != i || item.Resource.ID != fmt.Sprint(i) {
					t.Fatalf("item %d: %+v, %v", i, item, err)
				}
				taken += len(from.item(i))
				if n := from.read - taken; n > ahead {
					t.Fatalf("at item %d, %d bytes are kept", i, n)
				}
			}
		})
	}
}

// endless is a snapshot without an end.
type endless struct {
	rest, separator string
	items, read     int
}

func (e *endless) item(i int) string {
	return fmt.Sprintf(`{"type":"vault","id":"%d","name":"%s"}%s`, i, strings.Repeat("v", 50), e.separator)
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = e.item(e.items)
		e.items++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	e.read += n
	return n, nil
}

func TestSnapshotIsBoundedInWhatItUnpacksTo(t *testing.T) {
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	for range 100 {
		if _, err := z.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for left, code := range map[int64]string{100_000: "", 99_999: "body_too_large"} {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "/", bytes.NewReader(small.Bytes()))
		b := newSnapshotBody(&incoming{Request: r, writer: httptest.NewRecorder()}, true)
		if b.left != maxSnapshot {
			t.Errorf("a snapshot may have %d bytes", b.left)
		}
		b.left = left
		if n, err := io.Copy(io.Discard, b); access.CodeOf(err) != code || n > left {
			t.Errorf("%d bytes were unpacked: %v, want %q", n, err, code)
		}
	}
}

func TestItemsBeyondAMillionAreTooMany(t *testing.T) {
	l := newLineItems(&endless{separator: "\n"})
	l.index = maxItems - 1
	if _, err := l.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Next(); access.CodeOf(err) != "too_many_resources" {
		t.Errorf("the next one: %v", err)
	}
	j := newListItems(&endless{rest: `{"resources":[`, separator: ","})
	j.index = maxItems
	if _, err := j.Next(); access.CodeOf(err) != "too_many_resources" {
		t.Errorf("of a list: %v", err)
	}
}

func FuzzReadSnapshot(f *testing.F) {
	for _, seed := range []string{
		`{"resources":[]}`, `{"resources":[{"type":"vault","id":"a"},` + "\n" + `{"type":"vault","id":"a","entitlements":[{"durations":["2h",null]}]}]}`,
		"{\"type\":\"v\",\"id\":\"a\"}\n\n{}\n[", `{"resources":[{"id":"a","id":"b","type":"t"},7]} {`, `[]`, "\n\n\"\xff\"", `{"a":{"resources":[1]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, reader := range readers {
			checkItems(t, name, reader(strings.NewReader(string(body))), body)
		}
	})
}

// checkItems reads to the end. Every item is a resource or has a fault that a caller
// can be told, in its order, and lines never go back.
func checkItems(t *testing.T, form string, items engine.SyncItems, body []byte) {
	t.Helper()
	for line, n := 1, 0; ; n++ {
		item, err := items.Next()
		var fault *access.Error
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			if !errors.As(err, &fault) {
				t.Fatalf("%s %q: %v is no answer for a caller", form, body, err)
			}
			return
		case item.Fault != nil && !errors.As(item.Fault, &fault):
			t.Fatalf("%s %q: %v is no answer for a caller", form, body, item.Fault)
		case item.Line < line || item.Index != n || n > len(body):
			t.Fatalf("%s %q: %+v comes behind line %d as item %d", form, body, item, line, n)
		case item.Broken:
			return
		}
		line = item.Line
	}
}
