package sumologic_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/tests/fake/sumologic"
)

// post makes a request by hand: nothing of ours decides what is sent.
func post(t *testing.T, url, body string, header ...string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	return answer.StatusCode
}

func TestFakeAnswersAsAnHTTPSourceDoes(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg    sumologic.Config
		step   sumologic.Step
		path   string // behind the URL
		body   string
		header []string
		status int
		kept   int
	}{
		"two lines":               {body: "one\ntwo\n", status: 200, kept: 2},
		"without the last end":    {body: "one\r\ntwo", status: 200, kept: 2},
		"nothing":                 {status: 200},
		"an unknown URL":          {path: "x", body: "one\n", status: 401},
		"too much":                {cfg: sumologic.Config{MaxBytes: 3}, body: "one\n", status: 413},
		"no gzip":                 {body: "one\n", header: []string{"Content-Encoding", "gzip"}, status: 400},
		"throttled":               {step: sumologic.Throttled(3), body: "one\n", status: 429},
		"a part before the time":  {step: sumologic.TimedOut(1), body: "one\ntwo\n", status: 408, kept: 1},
		"a failure of the server": {step: sumologic.Status(503), body: "one\n", status: 503},
		"a broken connection":     {step: sumologic.Close(), body: "one\ntwo\n", status: 0, kept: 2},
		"beyond the budget":       {cfg: sumologic.Config{Budget: 1}, body: "one\ntwo\n", status: 200, kept: 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := sumologic.New(t, tc.cfg)
			f.Script(tc.step)
			if status := post(t, f.URL()+tc.path, tc.body, tc.header...); status != tc.status {
				t.Errorf("%d; want %d", status, tc.status)
			}
			state := f.Await(t, "it is known what was kept", func(s sumologic.State) bool { return len(s.Messages) >= tc.kept })
			if len(state.Messages) != tc.kept {
				t.Errorf("it has\n%s", state)
			}
		})
	}
}

func TestFakeKeepsWhatTheHeadersSay(t *testing.T) {
	f := sumologic.New(t, sumologic.Config{Fields: []string{"env"}})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, "one\n")
	_ = z.Close()
	post(t, f.URL(), zipped.String(), "Content-Encoding", "gzip", "X-Sumo-Category", "c", "X-Sumo-Name", "n", "X-Sumo-Host", "h", "X-Sumo-Fields", "env=prod,unknown=x")
	m := f.State().Messages
	if len(m) != 1 || string(m[0].Text) != "one" || m[0].Category+m[0].Name+m[0].Host != "cnh" || len(m[0].Fields) != 1 || m[0].Fields["env"] != "prod" {
		t.Errorf("it has %+v", m)
	}
}
