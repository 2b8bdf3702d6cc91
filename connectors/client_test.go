package connectors_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors"

	"github.com/curfew-access/curfew/tests/bubble"
)

// tripper answers in place of a network.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answering(status int, body string) tripper {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func post(address string) connectors.Request {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return connectors.Request{Method: http.MethodPost, URL: u, Header: http.Header{"X-Own": {"kept"}}, Body: []byte("{}")}
}

func TestTriesAreCounted(t *testing.T) {
	cases := map[string]struct {
		options connectors.Options
		trip    tripper
		want    int
	}{
		"success is one":                         {trip: answering(204, ""), want: 1},
		"a refusal is one":                       {trip: answering(400, ""), want: 1},
		"a short fault is tried twice again":     {trip: answering(503, ""), want: 1 + connectors.DefaultRetries},
		"no answer is tried twice again":         {trip: failing(io.ErrUnexpectedEOF), want: 1 + connectors.DefaultRetries},
		"retries can be more":                    {options: connectors.Options{Retries: 5}, trip: answering(500, ""), want: 6},
		"retries can be switched off":            {options: connectors.Options{Retries: -1}, trip: answering(500, ""), want: 1},
		"a wrong certificate is not tried again": {trip: failing(&tls.CertificateVerificationError{Err: errors.New("expired")}), want: 1},
		"a refused address is not tried again":   {trip: failing(connectors.ErrAddressRefused), want: 1},
		"the deadline ends them": {options: connectors.Options{Retries: 1000, WaitMin: time.Second, WaitMax: time.Second, Timeout: 400 * time.Millisecond},
			trip: answering(500, ""), want: 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				made := 0
				c.options.Transport = tripper(func(r *http.Request) (*http.Response, error) {
					made++
					return c.trip(r)
				})
				answer, _ := connectors.NewClient(c.options).Do(t.Context(), post("http://x.example.com"))
				if made != c.want || answer.Tries != c.want {
					t.Errorf("%d tries made, %d told; want %d", made, answer.Tries, c.want)
				}
			})
		})
	}
}

func failing(err error) tripper {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// The pause doubles from WaitMin to WaitMax, less up to a half.
func TestPausesDoubleWithJitter(t *testing.T) {
	firsts := map[time.Duration]bool{}
	for range 20 {
		bubble.Test(t, func(t *testing.T) {
			var at []time.Time
			client := connectors.NewClient(connectors.Options{
				Retries: 3, WaitMin: time.Second, WaitMax: 3 * time.Second, Timeout: time.Minute,
				Transport: tripper(func(r *http.Request) (*http.Response, error) {
					at = append(at, time.Now())
					return answering(500, "")(r)
				}),
			})
			if _, err := client.Do(t.Context(), post("http://x.example.com")); err != nil {
				t.Fatal(err)
			}
			for i, longest := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
				if pause := at[i+1].Sub(at[i]); pause < longest/2 || pause > longest {
					t.Errorf("pause %d = %s; want %s to %s", i+1, pause, longest/2, longest)
				}
			}
			firsts[at[1].Sub(at[0])] = true
		})
	}
	if len(firsts) < 2 {
		t.Error("every pause was the same: there is no jitter")
	}
}

func TestBeforeRunsBeforeEveryTryOnAFreshHeader(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var seen []http.Header
		client := connectors.NewClient(connectors.Options{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r.Header)
			return answering(500, "")(r)
		})})
		request, n := post("http://x.example.com"), 0
		request.Before = func(h http.Header) {
			n++
			h.Set("X-Try", strings.Repeat("i", n))
		}
		if _, err := client.Do(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		for i, h := range seen {
			if h.Get("X-Try") != strings.Repeat("i", i+1) || h.Get("X-Own") != "kept" {
				t.Errorf("try %d had %v", i+1, h)
			}
		}
		if request.Header.Get("X-Try") != "" {
			t.Error("the caller's header was changed")
		}
	})
}

func TestAnswerIsBounded(t *testing.T) {
	endless := strings.Repeat("a", connectors.MaxAnswer+1)
	client := connectors.NewClient(connectors.Options{Transport: answering(200, endless)})
	answer, err := client.Do(t.Context(), post("http://x.example.com"))
	if err != nil || len(answer.Body) != connectors.MaxAnswer || len(answer.Detail) > connectors.MaxPiece {
		t.Errorf("body of %d bytes, detail of %d, %v", len(answer.Body), len(answer.Detail), err)
	}
}

func TestAnswerIsReadAsFarAsOptionsSay(t *testing.T) {
	long := strings.Repeat("a", connectors.MaxAnswer+10)
	client := connectors.NewClient(connectors.Options{MaxAnswer: connectors.MaxAnswer + 5, Transport: tripper(func(r *http.Request) (*http.Response, error) {
		response, err := answering(200, long)(r)
		response.Header.Set("X-Said", "it")
		return response, err
	})})
	answer, err := client.Do(t.Context(), post("http://x.example.com"))
	if err != nil || len(answer.Body) != connectors.MaxAnswer+5 || answer.Header.Get("X-Said") != "it" {
		t.Errorf("body of %d bytes, header %v, %v", len(answer.Body), answer.Header, err)
	}
}

func TestErrorNamesSchemeAndHostOnly(t *testing.T) {
	client := connectors.NewClient(connectors.Options{Retries: -1, Transport: failing(errors.New("broken"))})
	_, err := client.Do(t.Context(), post("https://x.example.com:8443/a/path?a=query"))
	if want := "no answer from https://x.example.com:8443: broken"; err == nil || err.Error() != want {
		t.Errorf("error = %v; want %s", err, want)
	}
}

func TestErrorTellsItsCause(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hang := tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		client := connectors.NewClient(connectors.Options{Transport: hang, Timeout: 3 * time.Second})
		_, err := client.Do(t.Context(), post("http://x.example.com"))
		if want := "no answer from http://x.example.com: nothing within 3s"; !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
			t.Errorf("error = %v; want %s", err, want)
		}
	})
}

func TestClientReachesPublicAddressesOnlyByDefault(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, err := connectors.NewClient(connectors.Options{}).Do(t.Context(), post(server.URL))
	if !errors.Is(err, connectors.ErrAddressRefused) {
		t.Errorf("error = %v; want ErrAddressRefused", err)
	}
	answer, err := connectors.NewClient(connectors.Options{Reach: connectors.ReachPrivate}).Do(t.Context(), post(server.URL))
	if err != nil || answer.Status != http.StatusNotFound {
		t.Errorf("Do = %+v, %v; want 404", answer, err)
	}
}

func TestTransportRefusesOldTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	transport := connectors.NewTransport(connectors.ReachPrivate, time.Second)
	defer transport.CloseIdleConnections()
	transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	_, err := connectors.NewClient(connectors.Options{Transport: transport, Retries: -1}).Do(t.Context(), post(server.URL))
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("error = %v; want one about the protocol's version", err)
	}
}

func TestTransportIsBoundedAndTakesNoProxy(t *testing.T) {
	transport := connectors.NewTransport(connectors.ReachPublic, 7*time.Second)
	if transport.Proxy != nil {
		t.Error("it takes a proxy from somewhere")
	}
	if transport.ResponseHeaderTimeout != 7*time.Second || transport.TLSHandshakeTimeout <= 0 || transport.MaxResponseHeaderBytes <= 0 {
		t.Errorf("something is unbounded: %+v", transport)
	}
	if connectors.ReachPublic.Dialer().Timeout <= 0 {
		t.Error("a dial is unbounded")
	}
}

// go-retryablehttp logs every URL, its query too, unless it is told not to.
func TestNothingIsLogged(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	t.Cleanup(func() { log.SetOutput(io.Discard) })
	bubble.Test(t, func(t *testing.T) {
		client := connectors.NewClient(connectors.Options{Transport: answering(500, "")})
		if _, err := client.Do(t.Context(), post("http://x.example.com/?clientToken=SECRET")); err != nil {
			t.Fatal(err)
		}
	})
	if logged.Len() > 0 {
		t.Errorf("logged: %s", &logged)
	}
}
