package siem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

// What no error may hold, of either vendor.
const (
	vendorToken = "9f8e7d6c-5b4a-4e3d-8c2b-1a0f9e8d7c6b"
	vendorCode  = "ZaVnC4dhaV0aaaaaBBBBBcccccDDDDDeeeee=="
)

// vendorSender is what the senders to both vendors offer.
type vendorSender interface {
	Send(ctx context.Context, records []access.AuditRecord) (receipt string, err error)
	Check(ctx context.Context) error
}

// vendors make a sender to a server of each vendor, without pauses that matter.
var vendors = map[string]func(t *testing.T, url string, transport http.RoundTripper) vendorSender{
	"Splunk": func(t *testing.T, url string, transport http.RoundTripper) vendorSender {
		return newSplunk(t, siem.SplunkConfig{URL: url, Token: vendorToken, Transport: transport})
	},
	"Sumo Logic": func(t *testing.T, url string, transport http.RoundTripper) vendorSender {
		return newSumoLogic(t, siem.SumoLogicConfig{URL: url + "/receiver/v1/http/" + vendorCode, Transport: transport})
	},
}

// audited returns records as a ledger hands them over, from the place in the sequence.
func audited(from, n int) []access.AuditRecord {
	records := make([]access.AuditRecord, n)
	for i := range records {
		seq := int64(from + i)
		id := fmt.Sprintf("evt_%08d", seq)
		records[i] = access.AuditRecord{
			Seq: seq, EventID: id, Type: "grant.ended", Time: time.Unix(1795345175, 123456000).UTC(),
			Body: fmt.Appendf(nil, `{"data":{"reason":"a <ticket> & more"},"id":%q,"type":"grant.ended"}`, id),
		}
	}
	return records
}

// answering answers every request with the status and the body, without a network.
type answering func(*http.Request) (int, string)

// RoundTrip answers.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	status, body := a(r)
	recorder := httptest.NewRecorder()
	recorder.WriteHeader(status)
	_, _ = io.WriteString(recorder, body)
	return recorder.Result(), nil
}

func saying(status int, body string) answering {
	return func(*http.Request) (int, string) { return status, body }
}

// outcome is what a sender makes of an answer, in a word.
func outcome(err error) string {
	var rejected *access.RejectedError
	var delivery *access.DeliveryError
	switch {
	case err == nil:
		return "taken"
	case errors.As(err, &rejected):
		return fmt.Sprintf("record %d is refused", rejected.Index)
	case access.IsPermanent(err):
		return "for an operator"
	case errors.As(err, &delivery):
		return "later"
	}
	return "no known error: " + err.Error()
}

// A status without words may come from anybody in between. It never costs a record,
// and it takes no record for safe that may not be.
func TestEveryStatusOfAVendorIsJudged(t *testing.T) {
	for name, sender := range vendors {
		bubble.Test(t, func(t *testing.T) {
			for status := 200; status < 600; status++ {
				want := "for an operator"
				switch {
				case status/100 == 2 && name == "Sumo Logic":
					want = "taken"
				case status == http.StatusRequestEntityTooLarge:
					want = "record -1 is refused"
				case status == 408, status == 425, status == 429, status >= 500:
					want = "later"
				}
				_, err := sender(t, "https://siem.example.com", saying(status, "")).Send(t.Context(), audited(1, 2))
				if got := outcome(err); got != want {
					t.Errorf("%s, %d: %s (%v); want %s", name, status, got, err, want)
				}
			}
		})
	}
}

func TestNoErrorOfAVendorHoldsItsSecret(t *testing.T) {
	spellings := map[string]func(string) string{
		"as it is":         func(s string) string { return s },
		"behind a preface": func(s string) string { return strings.Repeat("x", 250) + s },
		"in capitals":      strings.ToUpper,
		"as JSON":          func(s string) string { return `{"code":6,"text":"` + s + `"}` },
		"URL-encoded":      func(s string) string { return strings.NewReplacer("=", "%3D", "-", "%2D").Replace(s) },
	}
	for name, sender := range vendors {
		for how, spell := range spellings {
			for _, status := range []int{200, 307, 400, 401, 413, 429, 503} {
				echo := answering(func(r *http.Request) (int, string) {
					return status, spell(r.Header.Get("Authorization") + " " + r.URL.String())
				})
				bubble.Test(t, func(t *testing.T) {
					s := sender(t, "https://siem.example.com", echo)
					_, err := s.Send(t.Context(), audited(1, 2))
					checkSecrets(t, fmt.Sprintf("%s, %d, %s", name, status, how), s, err, s.Check(t.Context()))
				})
			}
		}
		broken := failing{errors.New("proxyconnect: " + vendorCode + vendorToken)}
		bubble.Test(t, func(t *testing.T) {
			s := sender(t, "https://siem.example.com", broken)
			_, err := s.Send(t.Context(), audited(1, 2))
			checkSecrets(t, name+", no answer", s, err)
			if outcome(err) != "later" {
				t.Errorf("%s without an answer: %v", name, err)
			}
		})
	}
}

type failing struct{ err error }

// RoundTrip fails.
func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// checkSecrets looks for a secret's first bytes in everything that can be printed.
func checkSecrets(t *testing.T, what string, values ...any) {
	t.Helper()
	for _, v := range values {
		asJSON, _ := json.Marshal(v)
		text := strings.ToLower(fmt.Sprintf("%v | %+v | %#v | %s | %q | %d | %s", v, v, v, v, v, v, asJSON))
		for _, secret := range []string{vendorToken, vendorCode, "/receiver/v1"} {
			if strings.Contains(text, strings.ToLower(secret[:12])) {
				t.Errorf("%s: a secret is in %s", what, text)
			}
		}
	}
}

func TestSendingToAVendorEndsWithItsContext(t *testing.T) {
	for name, sender := range vendors {
		bubble.Test(t, func(t *testing.T) {
			s := sender(t, "https://siem.example.com", hanging{})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			start := time.Now()
			_, err := s.Send(ctx, audited(1, 1))
			if took := time.Since(start); took != 3*time.Second || outcome(err) != "later" || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: after %s: %v", name, took, err)
			}
			_, err = s.Send(t.Context(), audited(1, 1))
			if took := time.Since(start); took > time.Minute || outcome(err) != "later" {
				t.Errorf("%s without a deadline: after %s: %v", name, took, err)
			}
		})
	}
}

type hanging struct{}

// RoundTrip never answers.
func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestNothingIsSentForNoRecords(t *testing.T) {
	for name, sender := range vendors {
		receipt, err := sender(t, "https://siem.example.com", failing{errors.New("it was asked")}).Send(t.Context(), nil)
		if receipt != "" || err != nil {
			t.Errorf("%s: %q, %v", name, receipt, err)
		}
	}
}

func TestMetadataAddressIsNeverDialled(t *testing.T) {
	for name, sender := range vendors {
		_, err := sender(t, "http://169.254.169.254", nil).Send(t.Context(), audited(1, 1))
		if outcome(err) != "for an operator" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
