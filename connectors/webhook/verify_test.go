package webhook_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
)

// asked is a target that keeps where it was asked and answers with the body.
func asked(t *testing.T, body string) (url string, paths *[]string) {
	t.Helper()
	paths = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*paths = append(*paths, r.URL.Path+" "+r.Header.Get("webhook-id"))
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, paths
}

func TestQuestionsGoWhereTheyAreConfiguredTo(t *testing.T) {
	for name, tc := range map[string]struct{ path, want string }{
		"a URL of their own":           {"/ask", "/ask bnd_1_7_verify_1700000000"},
		"the URL of deliveries, if no": {"", "/hook bnd_1_7_verify_1700000000"},
	} {
		t.Run(name, func(t *testing.T) {
			url, paths := asked(t, `{"exists":false}`)
			cfg := good()
			cfg.URL = url + "/hook"
			if tc.path != "" {
				cfg.VerifyURL = url + tc.path
			}
			m := access.Message{
				Type: access.VerbVerify, Timestamp: time.Unix(1_700_000_000, 5).UTC(),
				Data: access.MessageData{Binding: access.BindingRef{ID: "bnd_1", Generation: 7}},
			}
			exists, err := mustNew(t, cfg).Verify(t.Context(), m)
			if err != nil || exists != access.Absent || len(*paths) != 1 || (*paths)[0] != tc.want {
				t.Errorf("Verify = %s, %v; it came to %q, want %q", exists, err, *paths, tc.want)
			}
		})
	}
}

func TestAQuestionsURLIsAsSecretAsADeliverys(t *testing.T) {
	url, _ := asked(t, `no route for /ask/T0AAAAAAAAAAA-path-token?key=TOKEN-123456`)
	cfg := good()
	cfg.VerifyURL = url + "/ask/T0AAAAAAAAAAA-path-token?key=TOKEN-123456"
	_, err := mustNew(t, cfg).Verify(t.Context(), access.Message{Data: access.MessageData{Binding: access.BindingRef{ID: "bnd_1"}}})
	if err == nil || strings.Contains(err.Error(), "TOKEN") || strings.Contains(err.Error(), "path-token") {
		t.Errorf("the error is %v", err)
	}
	cfg.VerifyURL = "ftp://TOKEN/"
	if _, err := webhook.New(cfg); err == nil || !strings.Contains(err.Error(), "verify: the URL is not an absolute") || strings.Contains(err.Error(), "TOKEN") {
		t.Errorf("a URL that can not be called: %v", err)
	}
}

func TestABindingWithoutAValidIDIsNotAskedAbout(t *testing.T) {
	url, paths := asked(t, `{"exists":false}`)
	cfg := good()
	cfg.URL = url
	exists, err := mustNew(t, cfg).Verify(t.Context(), access.Message{Data: access.MessageData{Binding: access.BindingRef{ID: "bnd.1"}}})
	if err == nil || exists != access.Unknown || len(*paths) != 0 {
		t.Errorf("Verify = %s, %v, after %q", exists, err, *paths)
	}
}
