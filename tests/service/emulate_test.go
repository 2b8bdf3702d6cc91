package service_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/tests/service"
)

func TestEmulateAnswersAsSlack(t *testing.T) {
	peer := service.Emulate(t, "slack", "slack:\n  team: {name: Acme, domain: acme}\n  tokens: []\n")
	response, err := http.Post(peer.URL+"/api/auth.test", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); !strings.Contains(string(body), "not_authed") {
		t.Errorf("it answers %s", body)
	}
}
