package bundle_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/bundle"
)

const token = "bundle-token-hunter2"

// server answers as it is told, and remembers what it was asked.
type server struct {
	*httptest.Server

	mu     sync.Mutex
	answer func(http.ResponseWriter, *http.Request)
	asked  []http.Header
}

// next makes it answer otherwise from now on.
func (s *server) next(answer func(http.ResponseWriter, *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *server) headers() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func serve(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *server {
	s := &server{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Header.Clone())
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, url string, change func(*bundle.Config)) *bundle.URL {
	t.Helper()
	cfg := bundle.Config{URL: url, Token: token}
	if change != nil {
		change(&cfg)
	}
	u, err := bundle.NewURL(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// tagged serves a bundle under its tag.
func tagged(body, tag string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = fmt.Fprint(w, body)
	}
}

func TestBundleIsFetchedOnceForEachTag(t *testing.T) {
	t.Parallel()
	s := serve(t, tagged("one", `"1"`))
	u := open(t, s.URL+"/bundles/team.tar.gz", nil)
	for i, want := range []string{"one", "", "", "two", ""} {
		if i == 3 {
			s.next(tagged("two", `W/"2"`))
		}
		raw, err := u.Fetch(t.Context(), false)
		if err != nil || string(raw) != want || (raw == nil) != (want == "") {
			t.Errorf("fetch %d: %q %v, want %q", i, raw, err, want)
		}
	}
	for i, tag := range []string{"", `"1"`, `"1"`, `"1"`, `W/"2"`} {
		h := s.headers()[i]
		if h.Get("If-None-Match") != tag || h.Get("Authorization") != "Bearer "+token || h.Get("Prefer") != "modes=snapshot" {
			t.Errorf("request %d: %v", i, h)
		}
	}
}

func TestBundleThatIsForgottenIsFetchedUnderItsTagAgain(t *testing.T) {
	t.Parallel()
	u := open(t, serve(t, tagged("one", `"1"`)).URL, nil)
	for i, want := range []string{"one", "", "one", ""} {
		if i == 2 {
			u.Forget()
		}
		if raw, err := u.Fetch(t.Context(), false); err != nil || string(raw) != want {
			t.Errorf("fetch %d: %q %v, want %q", i, raw, err, want)
		}
	}
}

func TestServerThatGivesNoBundleIsAnErrorWithoutSecrets(t *testing.T) {
	t.Parallel()
	status := func(code int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere?token=hunter2")
			w.WriteHeader(code)
			_, _ = fmt.Fprint(w, body)
		}
	}
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   string
	}{
		"401":                        {status(401, "who are you"), "answered 401 " + http.StatusText(http.StatusUnauthorized) + ": who are you"},
		"401 that repeats the token": {status(401, "bad token: "+token), "answered 401 " + http.StatusText(http.StatusUnauthorized) + ": (withheld"},
		"403":                        {status(403, ""), "answered 403 Forbidden"},
		"404":                        {status(404, "no such bundle"), "answered 404 Not Found: no such bundle"},
		"500":                        {status(500, "oh no\n\x1b[31m"), "answered 500 Internal Server Error: oh no"},
		"302":                        {status(302, ""), "answered 302 Found; redirects are not followed"},
		"308":                        {status(308, ""), "answered 308 Permanent Redirect; redirects are not followed"},
		"304 that was not asked for": {status(304, ""), "answered 304"},
		"206":                        {status(206, "half"), "answered 206"},
		"204":                        {status(204, ""), "answered 204"},
		"an empty 200":               {status(200, ""), "the answer is empty"},
		"a length that is too much":  {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", fmt.Sprint(65<<20)) }, "more than 64 MiB"},
		"a body that breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = fmt.Fprint(w, "half")
		}, "unexpected EOF"},
		"a line that breaks": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tc.answer)
			u := open(t, s.URL+"/hunter2/team.tar.gz?sig=hunter2-hunter2", nil)
			raw, err := u.Fetch(t.Context(), false)
			if raw != nil || err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), s.URL+": ") {
				t.Errorf("got %q, %v; want %s", raw, err, tc.want)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2") {
				t.Errorf("it tells a secret: %v", err)
			}
			if n := len(s.headers()); n != 1 {
				t.Errorf("it was asked %d times", n)
			}
		})
	}
}

func TestTagOfABundleThatDidNotComeIsNotRemembered(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", "100")
		_, _ = fmt.Fprint(w, "half")
	})
	u := open(t, s.URL, nil)
	if _, err := u.Fetch(t.Context(), false); err == nil {
		t.Fatal("half a bundle")
	}
	s.next(tagged("whole", `"1"`))
	if raw, err := u.Fetch(t.Context(), false); err != nil || string(raw) != "whole" {
		t.Errorf("got %q, %v", raw, err)
	}
}

// endless sends without end and says no length.
func endless(w http.ResponseWriter, r *http.Request) {
	piece := make([]byte, 1<<20)
	for r.Context().Err() == nil {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func TestBundleWithoutEndIsCutOff(t *testing.T) {
	t.Parallel()
	raw, err := open(t, serve(t, endless).URL, nil).Fetch(t.Context(), false)
	if raw != nil || err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Errorf("got %d bytes, %v", len(raw), err)
	}
}

func TestSlowServerIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, "half")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		u := open(t, serve(t, answer).URL, func(c *bundle.Config) { c.Timeout = 50 * time.Millisecond })
		if _, err := u.Fetch(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no whole answer within 50ms") {
			t.Errorf("%s: %v", name, err)
		}
	}
	u := open(t, serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).URL, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the gateway stops"))
	if _, err := u.Fetch(ctx, false); err == nil || !strings.Contains(err.Error(), "the gateway stops") {
		t.Errorf("got %v", err)
	}
}

func TestMetadataAddressIsNotAsked(t *testing.T) {
	t.Parallel()
	u := open(t, "http://169.254.169.254/latest/", func(c *bundle.Config) { c.Timeout = time.Second })
	if _, err := u.Fetch(t.Context(), false); err == nil || !strings.Contains(err.Error(), "address refused") {
		t.Errorf("got %v", err)
	}
}

func TestCertificateThatNobodyVouchesForIsRefused(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	if _, err := open(t, s.URL, nil).Fetch(t.Context(), false); err == nil || !strings.Contains(err.Error(), "x509") && !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}

func TestPauseFollowsThePollAndIsShorterAfterAFailure(t *testing.T) {
	t.Parallel()
	about := func(u *bundle.URL, want time.Duration) {
		t.Helper()
		seen := map[time.Duration]bool{}
		for range 50 {
			pause := u.Pause()
			if pause > want || pause < want-want/10-1 {
				t.Errorf("%s is not about %s", pause, want)
			}
			seen[pause] = true
		}
		if len(seen) < 2 {
			t.Error("it is always the same")
		}
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	u := open(t, s.URL, func(c *bundle.Config) { c.Poll = 5 * time.Second })
	about(u, 5*time.Second)
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second} {
		_, _ = u.Fetch(t.Context(), false)
		about(u, want)
	}
	s.next(tagged("x", `"x"`))
	if _, err := u.Fetch(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	about(u, 5*time.Second)
	about(open(t, s.URL, nil), bundle.DefaultPoll)
}

func TestFaultsOfAConfigurationHoldNoSecret(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]bundle.Config{
		"the URL is missing":                {},
		"can not be parsed":                 {URL: "https://x/%zz?hunter2"},
		"not an absolute http or https":     {URL: "ftp://x/hunter2"},
		"holds a user":                      {URL: "https://hunter2@x/"},
		"holds a fragment":                  {URL: "https://x/#hunter2"},
		"the poll 1ms is not between":       {URL: "https://x/hunter2", Poll: time.Millisecond},
		"the timeout 1h0m0s is not":         {URL: "https://x/hunter2", Timeout: time.Hour},
		"a character that a header can not": {URL: "https://x/", Token: "hunter2\n"},
	} {
		_, err := bundle.NewURL(cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want %s", err, want)
		}
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if printed := fmt.Sprintf(format, cfg) + fmt.Sprintf(format, &cfg); strings.Contains(printed, "hunter2") {
				t.Errorf("%s prints %s", format, printed)
			}
		}
	}
	u := open(t, "https://x.example.com/hunter2?hunter2", nil)
	if printed := fmt.Sprintf("%v %+v %#v %s", u, u, u, u); strings.Contains(printed, "hunter2") || u.String() != "https://x.example.com" {
		t.Errorf("it prints as %s", printed)
	}
}

func TestFileIsReturnedWhenItChangedAndCameToRest(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "team.tar.gz")
	f := bundle.NewFile(path, 0)
	want := func(what, want string, now bool) {
		t.Helper()
		if raw, err := f.Fetch(t.Context(), now); err != nil || string(raw) != want {
			t.Errorf("%s: %q %v, want %q", what, raw, err, want)
		}
	}
	put := func(content string) {
		t.Helper()
		err := errors.Join(os.WriteFile(path+"~", []byte(content), 0o600), os.Rename(path+"~", path))
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Fetch(t.Context(), false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	put("one")
	want("the first is taken at once", "one", false)
	want("it is the same", "", false)
	put("two")
	want("it changed just now", "", false)
	put("three")
	want("it is still being written", "", false)
	want("it came to rest", "three", false)
	want("it is the same", "", false)
	put("four")
	want("now", "four", true)
	want("now, and it is the same", "", true)
	if f.Pause() != bundle.LookEvery || f.String() != path {
		t.Errorf("%s of %s", f.Pause(), f)
	}
}

func TestFileThatCanNotBeABundleIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, 65<<20)); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for path, want := range map[string]string{dir: "is not a file", large: "more than 64 MiB", filepath.Join(dir, "s"): "is not a file", "/dev/zero": "is not a file"} {
		if raw, err := bundle.NewFile(path, 0).Fetch(t.Context(), false); raw != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d bytes, %v", path, len(raw), err)
		}
	}
}
