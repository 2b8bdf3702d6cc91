package connectorsuite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"github.com/curfew-access/curfew/engine/access"
)

// hidden is what no error, receipt or printed connector may hold, by what it is.
// Parts count: eight bytes of a secret are a start.
var hidden = map[string]string{
	"a signing secret":             firstSecret[6:20],
	"another signing secret":       secondSecret[6:20],
	"the text of a signing secret": typedSecret[:12],
	"a bearer token":               "tok-9f8e",
	"basic credentials":            basic[6:16],
	"a password in base64":         basicPassword,
	"a short credential":           shortHeader,
	"a callback's token":           callbackToken[:12],
	"a token in the URL's query":   queryToken[:12],
	"a token in the URL's path":    pathToken[:14],
}

// places may stand in no error that is made here, but are no secrets by themselves.
var places = map[string]string{
	"the URL's path":                 "/invoke",
	"the name of a query's variable": "clientToken=",
	"where a redirect leads":         "elsewhere",
}

// echo repeats everything a target knows, in the spellings that are met.
func echo(r *http.Request) string {
	all := []string{firstSecret, secondSecret, typedSecret, basicPassword, callbackToken, r.URL.String()}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		all = append(all, name+": "+r.Header.Get(name))
	}
	return strings.Join(all, "\n")
}

func testSecrets(t *testing.T, factory Factory) {
	echoes := map[string]func(string) string{
		"as it is":         func(s string) string { return s },
		"behind a preface": func(s string) string { return strings.Repeat("x", 250) + s },
		"as JSON": func(s string) string {
			text, _ := json.Marshal(map[string]string{"error": s})
			return strings.ReplaceAll(string(text), "/", `\/`)
		},
		"in capitals": strings.ToUpper,
		"URL-encoded": func(s string) string {
			return strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D", " ", "%20").Replace(s)
		},
	}
	for name, spelling := range echoes {
		for _, status := range []int{200, 307, 401, 500} {
			t.Run(fmt.Sprintf("%d with everything repeated %s", status, name), func(t *testing.T) {
				inBubble(t, factory, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", "https://elsewhere.example.com/"+queryToken)
					w.WriteHeader(status)
					_, _ = io.WriteString(w, spelling(echo(r)))
				}, checkHidden)
			})
		}
	}
	for part, secret := range hidden {
		t.Run("500 with only "+part, func(t *testing.T) {
			inBubble(t, factory, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, "bad: "+secret)
			}, checkHidden)
		})
	}
	t.Run("404 that names the path", func(t *testing.T) {
		inBubble(t, factory, func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "no route for "+r.URL.Path+" nor "+r.URL.RequestURI(), http.StatusNotFound)
		}, checkHidden)
	})
	t.Run("a signature is not repeated", func(t *testing.T) { testSignatureHidden(t, factory) })
	t.Run("an answer is one short printable line", func(t *testing.T) { testPrintable(t, factory) })

	breaks := map[string]http.HandlerFunc{
		"a redirect to a place that can not be parsed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://elsewhere:port/%zz"+queryToken)
			w.WriteHeader(http.StatusFound)
		},
		"an answer that is no HTTP": func(w http.ResponseWriter, r *http.Request) {
			raw(w, "HTTP/1.1 "+firstSecret+" "+r.URL.String()+"\r\n\r\n")
		},
		"a header that is no header": func(w http.ResponseWriter, _ *http.Request) {
			raw(w, "HTTP/1.1 200 OK\r\n"+bearer+" "+queryToken+"\r\n\r\n")
		},
		"a length that is no number": func(w http.ResponseWriter, _ *http.Request) {
			raw(w, "HTTP/1.1 500 x\r\nContent-Length: "+callbackToken+"\r\n\r\n")
		},
		"a connection that is closed": func(w http.ResponseWriter, _ *http.Request) { raw(w, "") },
	}
	for name, handler := range breaks {
		t.Run(name, func(t *testing.T) { inBubble(t, factory, handler, checkHidden) })
	}
	dials := map[string]error{
		"connection refused": &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
		"no such host":       &net.DNSError{Err: "no such host", Name: host, IsNotFound: true},
		"a dial that quotes": errors.New("proxy said: " + firstSecret + " " + queryToken),
	}
	for name, failure := range dials {
		t.Run(name, func(t *testing.T) {
			inBubble(t, factory, http.NotFound, func(t *testing.T, s *scene) {
				s.network.fail = failure
				checkHidden(t, s)
				checkClass(t, s.deliver(t), access.ClassUnreachable)
			})
		})
	}
	t.Run("a certificate that is not trusted", func(t *testing.T) { testUntrusted(t, factory) })
}

// testUntrusted is not in a bubble: TLS needs a network with a buffer.
func testUntrusted(t *testing.T, factory Factory) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	s := &scene{}
	env := s.env()
	env.URL = server.URL + "/hooks/" + pathToken + "/invoke?clientToken=" + queryToken
	env.Transport = http.DefaultTransport.(*http.Transport).Clone()
	s.connector = factory(t, env)
	checkHidden(t, s)
	checkClass(t, s.deliver(t), access.ClassUnreachable)
}

func testSignatureHidden(t *testing.T, factory Factory) {
	inBubble(t, factory, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "bad signature: "+r.Header.Get("webhook-signature"))
	}, func(t *testing.T, s *scene) {
		err := s.deliver(t)
		for signature := range strings.FieldsSeq(s.seen()[0].Header.Get("webhook-signature")) {
			if strings.Contains(err.Error(), signature[3:15]) {
				t.Errorf("the error repeats a signature: %v", err)
			}
		}
	})
}

func testPrintable(t *testing.T, factory Factory) {
	for _, status := range []int{200, 400} {
		inBubble(t, factory, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "one\r\ntwo\x1b[31m\x00\u202e\xff "+strings.Repeat("日本語", 100_000))
		}, func(t *testing.T, s *scene) {
			receipt, err := s.connector.Deliver(t.Context(), message())
			text := receipt.Detail
			if err != nil {
				text = err.Error()
			}
			if text == "" || len(text) > 512 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
				t.Errorf("%d bytes: %q; want a printable line of 512 at most", len(text), text)
			}
		})
	}
}

func (s *scene) deliver(t *testing.T) error {
	t.Helper()
	_, err := s.connector.Deliver(t.Context(), message())
	if err == nil {
		t.Fatal("Deliver succeeded; want an error")
	}
	return err
}

// checkHidden delivers, asks, and searches everything that comes back, and the
// connector itself, printed in every way, for what is hidden. A question comes without
// a callback.
func checkHidden(t *testing.T, s *scene) {
	t.Helper()
	all := maps.Clone(hidden)
	maps.Copy(all, places)
	receipt, err := s.connector.Deliver(t.Context(), message())
	search(t, all, append(printed(append(chain(err), s.connector)), receipt.Detail))
	delete(all, "a callback's token")
	search(t, all, printed(chain(s.ask(t))))
}

func search(t *testing.T, parts map[string]string, texts []string) {
	t.Helper()
	for _, text := range texts {
		for what, part := range parts {
			if strings.Contains(strings.ToLower(text), strings.ToLower(part)) {
				t.Errorf("%s is in %s", what, text)
			}
		}
	}
}

func printed(values []any) (texts []string) {
	for _, value := range values {
		text, _ := json.Marshal(value)
		texts = append(texts, fmt.Sprintf("%v | %+v | %#v | %s | %q | %d | %s", value, value, value, value, value, value, text))
	}
	return texts
}

// chain returns the error and all that it wraps.
func chain(err error) []any {
	if err == nil {
		return nil
	}
	all := []any{err}
	switch e := err.(type) { //nolint:errorlint // each error of the chain is looked at by itself
	case interface{ Unwrap() error }:
		all = append(all, chain(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(all, chain(inner)...)
		}
	}
	return all
}

// raw answers with these bytes and closes the connection.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}
