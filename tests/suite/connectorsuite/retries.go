package connectorsuite

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/engine/access"
)

func testRetries(t *testing.T, factory Factory) {
	faults := map[string]http.HandlerFunc{
		"after 503":                    answer(http.StatusServiceUnavailable),
		"after 408":                    answer(http.StatusRequestTimeout),
		"after 425":                    answer(http.StatusTooEarly),
		"after 429 that names seconds": wish(http.StatusTooManyRequests, func() string { return "2" }),
		"after 503 that names a date": wish(http.StatusServiceUnavailable, func() string {
			return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
		}),
		"after a closed connection": func(w http.ResponseWriter, _ *http.Request) { raw(w, "") },
		"after garbage":             func(w http.ResponseWriter, _ *http.Request) { raw(w, "SSH-2.0-OpenSSH_9.7\r\n") },
	}
	for name, fault := range faults {
		t.Run("the same message is sent again "+name, func(t *testing.T) { testSameMessage(t, factory, fault) })
	}
	t.Run("a system's wish is kept", func(t *testing.T) {
		testWish(t, factory, "2", 2*time.Second, 15*time.Second, 2*time.Second)
	})
	t.Run("a wish that would take most of the attempt is not waited for", func(t *testing.T) {
		testWish(t, factory, "10", 0, time.Second, 10*time.Second)
	})
	for name, value := range map[string]string{
		"of a day":                    "86400",
		"of more seconds than int64":  "99999999999999999999",
		"of seconds that overflow ns": "9223372036854775807",
		"until the year 2900":         "Mon, 01 Jan 2900 00:00:00 GMT",
	} {
		t.Run("a wish "+name+" is capped, and not waited for", func(t *testing.T) {
			testWish(t, factory, value, 0, time.Second, 5*time.Minute)
		})
	}
	for name, value := range map[string]string{"nonsense": "soon", "negative": "-5", "a past date": "Mon, 01 Jan 1990 00:00:00 GMT", "zero": "0"} {
		t.Run("a wish that is "+name+" is none", func(t *testing.T) { testWish(t, factory, value, 0, Timeout, 0) })
	}
}

func wish(status int, value func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", value())
		w.WriteHeader(status)
	}
}

// testSameMessage fails the first try: the second carries the same id and the same
// bytes, and a signature of its own time that every configured secret verifies.
func testSameMessage(t *testing.T, factory Factory, fault http.HandlerFunc) {
	var s *scene
	handler := func(w http.ResponseWriter, r *http.Request) {
		if len(s.seen()) == 1 {
			time.Sleep(time.Second) // so that the tries' timestamps differ
			fault(w, r)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
	inBubble(t, factory, handler, func(t *testing.T, current *scene) {
		s = current
		sent := message()
		receipt, err := s.connector.Deliver(t.Context(), sent)
		checkConfirmed(t, receipt, err, http.StatusNoContent, 2)
		tries := s.seen()
		if len(tries) != 2 {
			t.Fatalf("%d tries; want 2", len(tries))
		}
		for _, try := range tries {
			checkTry(t, try, sent)
		}
		if !bytes.Equal(tries[0].Body, tries[1].Body) {
			t.Errorf("the bodies differ:\n%s\n%s", tries[0].Body, tries[1].Body)
		}
		if tries[0].Header.Get("webhook-timestamp") == tries[1].Header.Get("webhook-timestamp") {
			t.Error("the retry was not signed anew")
		}
	})
}

func checkTry(t *testing.T, try call, sent access.Message) {
	t.Helper()
	wantID := sent.Data.Binding.ID + "_" + strconv.FormatInt(sent.Data.Binding.Generation, 10)
	want := map[string]string{
		"webhook-id":        wantID,
		"webhook-timestamp": strconv.FormatInt(try.At.Unix(), 10),
		"content-type":      "application/json",
		"authorization":     bearer,
	}
	for name, value := range want {
		if got := try.Header.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("header %s = %q; want %q", name, got, value)
		}
	}
	if agent := try.Header.Get("user-agent"); !strings.HasPrefix(agent, "Curfew") {
		t.Errorf("user-agent = %q; want Curfew", agent)
	}
	for i, secret := range []string{firstSecret, secondSecret} {
		hook, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = hook.Verify(try.Body, try.Header)
		}
		if err != nil {
			t.Errorf("secret %d does not verify the signature: %v", i+1, err)
		}
	}
	var got access.Message
	if err := json.Unmarshal(try.Body, &got); err != nil || !reflect.DeepEqual(got, sent) {
		t.Errorf("the body is %s (%v); want %+v", try.Body, err, sent)
	}
}

// testWish answers every try with a wish, and looks at how long the attempt takes
// and what it reports.
func testWish(t *testing.T, factory Factory, value string, atLeast, atMost, reported time.Duration) {
	inBubble(t, factory, wish(http.StatusServiceUnavailable, func() string { return value }), func(t *testing.T, s *scene) {
		start := time.Now()
		err := s.deliver(t)
		if took := time.Since(start); took < atLeast || took > atMost {
			t.Errorf("it took %s; want %s to %s", took, atLeast, atMost)
		}
		if got := checkClass(t, err, access.ClassRefused).RetryAfter; got != reported {
			t.Errorf("RetryAfter = %s; want %s", got, reported)
		}
	})
}
