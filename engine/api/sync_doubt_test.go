package api_test

import (
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine"
)

const jsonLines = "application/x-ndjson"

// A resource that may be there, unread, is not one that is gone.
func TestNothingIsArchivedWhereAnItemMayHideAResource(t *testing.T) {
	for name, item := range map[string]string{
		"two on one line":            vault("b") + " " + vault("c"),
		"two on one line, one whole": vault("b") + `{"type":"vault","id":"c"`,
		"an id in another case too":  `{"type":"vault","id":"b","ID":"c"}`,
		"a type in another case too": `{"TYPE":"vault","id":"b","type":"vault"}`,
		"two in an array":            "[" + vault("b") + "," + vault("c") + "]",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			want[engine.SyncReport](t, w.put(resourcesOfAWS, listed(vault("a"), vault("b"), vault("c"))), 200)
			rec := w.put(resourcesOfAWS+"?skip_invalid=true&allow_shrink=true", vault("a")+"\n"+item+"\n", "Content-Type", jsonLines)
			if r := want[engine.SyncReport](t, rec, 200); r.Archived != 0 || r.Skipped != 1 || len(w.vaults()) != 3 {
				t.Errorf("the catalogue has %v: %+v", w.vaults(), r)
			}
		})
	}
}

// What is sent when the program that should have listed everything has died.
func TestNoLineIsNoSnapshot(t *testing.T) {
	for name, body := range map[string]string{"nothing": "", "blank lines": " \r\n\n", "nothing, packed": packed("")} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			want[engine.SyncReport](t, w.put(resourcesOfAWS, listed(vault("a"))), 200)
			header := []string{"Content-Type", jsonLines}
			if body == packed("") {
				header = append(header, "Content-Encoding", "gzip")
			}
			rec := w.put(resourcesOfAWS+"?allow_shrink=true", body, header...)
			conforms(t, "PUT", "/v1/sources/{source}/resources", rec)
			if p := want[refusal](t, rec, 400); p.Code != "empty_body" || !strings.Contains(p.Detail, `{"resources": []}`) || len(w.vaults()) != 1 {
				t.Errorf("the refusal is %+v, and the catalogue has %v", p, w.vaults())
			}
		})
	}
}

func TestByteOrderMarkIsSaid(t *testing.T) {
	for form, body := range map[string]string{jsonLines: vault("a"), "application/json": listed(vault("a"))} {
		w := newWorld(t)
		p := want[refusal](t, w.put(resourcesOfAWS, "\ufeff"+body, "Content-Type", form), 422)
		if len(p.Errors) != 1 || p.Errors[0].Line != 1 || p.Errors[0].Code != "malformed_json" || !strings.Contains(p.Errors[0].Detail, "byte order mark") {
			t.Errorf("%s: %+v", form, p.Errors)
		}
	}
}

// Faults are kept in the history, a hundred runs of it.
func TestFaultsQuoteNoMoreThanTheBeginningOfWhatWasSent(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("é", 200_000)
	for name, item := range map[string]string{
		"a target":   `{"type":"vault","id":"b","entitlements":[{"action":"read","durations":["1h"],"target":"` + long + `"}]}`,
		"a duration": `{"type":"vault","id":"b","entitlements":[{"action":"read","durations":["` + long + `"],"target":"box"}]}`,
		"a member":   `{"type":"vault","id":"b","` + long + `":1}`,
		"a property": `{"type":"vault","id":"b","properties":{"` + long + `":9007199254740993}}`,
		"a type":     `{"type":"` + long + `","id":"b"}`,
	} {
		rec := w.put(resourcesOfAWS, listed(item, `{"type":"vault","id":"`+name+`"}`))
		conforms(t, "PUT", "/v1/sources/{source}/resources", rec)
		size := rec.Body.Len()
		if p := want[refusal](t, rec, 422); len(p.Errors) != 1 || size > 4<<10 || strings.ContainsRune(p.Errors[0].Detail+p.Errors[0].Pointer, '\ufffd') {
			t.Errorf("%s: %d bytes", name, size)
		}
	}
	if n := w.get("/v1/sources/aws/runs").Body.Len(); n > 32<<10 {
		t.Errorf("the history has %d bytes", n)
	}
}
