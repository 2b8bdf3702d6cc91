package splunk_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/tests/fake/splunk"
)

const (
	eventPath = "/services/collector/event"
	ackPath   = "/services/collector/ack"
	channel   = "9f8e7d6c-5b4a-4e3d-8c2b-1a0f9e8d7c6b"
)

// ask makes a request by hand: nothing of ours decides what is sent.
func ask(t *testing.T, f *splunk.Fake, method, path, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Splunk "+f.Token())
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

func TestFakeAnswersWithSplunksCodes(t *testing.T) {
	for name, tc := range map[string]struct {
		token  splunk.Token
		path   string
		body   string
		header []string
		status int
		want   string
		taken  int
	}{
		"an event":                  {body: `{"event":"x"}`, status: 200, want: `"code":0`, taken: 1},
		"two, with a line between":  {body: "{\"event\":\"x\"}\n{\"event\":{\"a\":1}}", status: 200, want: `"code":0`, taken: 2},
		"two, with nothing between": {body: `{"event":"x"}{"event":"y"}`, status: 200, want: `"code":0`, taken: 2},
		"a disabled token":          {token: splunk.Token{Disabled: true}, body: `{"event":"x"}`, status: 403, want: `"code":1`},
		"no token":                  {body: `{"event":"x"}`, header: []string{"Authorization", ""}, status: 401, want: `"code":2`},
		"a bearer's token":          {body: `{"event":"x"}`, header: []string{"Authorization", "Bearer x"}, status: 401, want: `"code":3`},
		"an unknown token":          {body: `{"event":"x"}`, header: []string{"Authorization", "Splunk x"}, status: 403, want: `"code":4`},
		"nothing":                   {body: ` `, status: 400, want: `"code":5`},
		"no JSON":                   {body: `{"event":"x"}{"event"`, status: 400, want: `"code":6,"invalid-event-number":1`, taken: 1},
		"a list":                    {body: `[{"event":"x"}]`, status: 400, want: `"code":6,"invalid-event-number":0`},
		"no gzip":                   {body: `{"event":"x"}`, header: []string{"Content-Encoding", "gzip"}, status: 400, want: `"code":6`},
		"another index":             {body: `{"event":"x"}{"event":"y","index":"secret"}`, status: 400, want: `"code":7,"invalid-event-number":1`, taken: 1},
		"an index that is allowed":  {token: splunk.Token{Indexes: []string{"secret"}}, body: `{"event":"y","index":"secret"}`, status: 200, want: `"code":0`, taken: 1},
		"no channel":                {token: splunk.Token{Ack: true}, body: `{"event":"x"}`, status: 400, want: `"code":10`},
		"a channel that is none":    {token: splunk.Token{Ack: true}, body: `{"event":"x"}`, header: []string{"X-Splunk-Request-Channel", "1"}, status: 400, want: `"code":11`},
		"a channel in the query":    {token: splunk.Token{Ack: true}, path: eventPath + "?channel=" + channel, body: `{"event":"x"}`, status: 200, want: `"ackId":0`, taken: 1},
		"no event":                  {body: `{"event":"x"}{"time":1}`, status: 400, want: `"code":12,"invalid-event-number":1`, taken: 1},
		"a blank event":             {body: `{"event":""}`, status: 400, want: `"code":13,"invalid-event-number":0`},
		"acknowledgement of nobody": {path: ackPath, body: `{"acks":[0]}`, status: 400, want: `"code":14`},
		"fields with fields":        {body: `{"event":"x","fields":{"a":{"b":1}}}`, status: 400, want: `"code":15`},
		"a token in the query":      {path: eventPath + "?token=x", body: `{"event":"x"}`, status: 400, want: `"code":16`},
		"too much":                  {body: `{"event":"` + strings.Repeat("x", 5<<18) + `"}`, status: 413, want: "larger than the maximum"},
	} {
		t.Run(name, func(t *testing.T) {
			f := splunk.New(t, splunk.Config{Token: tc.token})
			if tc.path == "" {
				tc.path = eventPath
			}
			status, said := ask(t, f, http.MethodPost, tc.path, tc.body, tc.header...)
			if status != tc.status || !strings.Contains(said, tc.want) {
				t.Errorf("%d %s; want %d %s", status, said, tc.status, tc.want)
			}
			if state := f.State(); len(state.Index) != tc.taken || state.Calls[0].Events != tc.taken || state.Calls[0].Status != tc.status {
				t.Errorf("%d events were to be taken:\n%s", tc.taken, state)
			}
		})
	}
}

func TestFakeKeepsWhatComesWithAnEvent(t *testing.T) {
	f := splunk.New(t, splunk.Config{})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, `{"time":1795345175.25,"host":"h","source":"s","sourcetype":"st","event":{"a": 1},"fields":{"k":"v"}}`)
	_ = z.Close()
	if status, said := ask(t, f, http.MethodPost, eventPath, zipped.String(), "Content-Encoding", "gzip"); status != 200 {
		t.Fatal(status, said)
	}
	found := f.Search(func(e splunk.Event) bool { return e.Fields["k"] == "v" })
	if len(found) != 1 || found[0].Time != 1795345175.25 || found[0].Host+found[0].Source+found[0].SourceType+found[0].Index != "hsstmain" || string(found[0].Raw) != `{"a": 1}` {
		t.Errorf("found %+v", found)
	}
}

func TestFakeSaysOnceThatItIsIndexed(t *testing.T) {
	f := splunk.New(t, splunk.Config{Token: splunk.Token{Ack: true}})
	f.Hold()
	on := []string{"X-Splunk-Request-Channel", channel}
	for range 2 {
		ask(t, f, http.MethodPost, eventPath, `{"event":"x"}`, on...)
	}
	asked := func(want string) {
		t.Helper()
		if _, said := ask(t, f, http.MethodPost, ackPath, `{"acks":[0,1,7]}`, on...); said != `{"acks":{`+want+`}}` {
			t.Errorf("it said %s; want %s", said, want)
		}
	}
	asked(`"0":false,"1":false,"7":false`)
	f.IndexNext()
	asked(`"0":true,"1":false,"7":false`)
	asked(`"0":false,"1":false,"7":false`)
	f.Restart()
	f.IndexAll()
	asked(`"0":false,"1":false,"7":false`)
	if state := f.State(); len(state.Index) != 1 || state.Queued != 0 {
		t.Errorf("one event was indexed before it was restarted:\n%s", state)
	}
	if _, said := ask(t, f, http.MethodPost, eventPath, `{"event":"x"}`, on...); !strings.Contains(said, `"ackId":0`) {
		t.Errorf("after a restart it said %s; want numbers from the beginning", said)
	}
}

func TestFakeWhoseQueueIsFullIsBusy(t *testing.T) {
	f := splunk.New(t, splunk.Config{MaxQueue: 1})
	f.Hold()
	ask(t, f, http.MethodPost, eventPath, `{"event":"x"}`)
	if status, said := ask(t, f, http.MethodPost, eventPath, `{"event":"y"}`); status != 503 || !strings.Contains(said, `"code":9`) {
		t.Errorf("%d %s; want 503, code 9", status, said)
	}
	f.Flow()
	if status, _ := ask(t, f, http.MethodPost, eventPath, `{"event":"y"}`); status != 200 || len(f.State().Index) != 2 {
		t.Errorf("%d\n%s", status, f.State())
	}
}

func TestFakeTellsOfItsHealth(t *testing.T) {
	f := splunk.New(t, splunk.Config{})
	const path = "/services/collector/health"
	if status, said := ask(t, f, http.MethodGet, path, ""); status != 200 || !strings.Contains(said, `"code":17`) {
		t.Errorf("%d %s; want 200, code 17", status, said)
	}
	f.Sicken(18)
	if status, said := ask(t, f, http.MethodGet, path, ""); status != 503 || !strings.Contains(said, `"code":18`) {
		t.Errorf("%d %s; want 503, code 18", status, said)
	}
}

func TestFakeMeetsRequestsAsItsScriptSays(t *testing.T) {
	f := splunk.New(t, splunk.Config{})
	f.Script(splunk.Busy().With("Retry-After", "7"), splunk.Status(502, "<html>").Times(2), splunk.Serve(), splunk.Close().Taking())
	for i, want := range []int{503, 502, 502, 200} {
		if status, said := ask(t, f, http.MethodPost, eventPath, `{"event":"x"}`); status != want {
			t.Errorf("request %d: %d %s; want %d", i+1, status, said, want)
		}
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL()+eventPath, strings.NewReader(`{"event":"y"}`))
	r.Header.Set("Authorization", "Splunk "+f.Token())
	if answer, err := http.DefaultClient.Do(r); err == nil {
		_ = answer.Body.Close()
		t.Errorf("a connection that breaks answered %d", answer.StatusCode)
	}
	f.Await(t, "it has both", func(s splunk.State) bool { return len(s.Index) == 2 })
}
