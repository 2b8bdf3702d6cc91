package connectorsuite

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

// permanent is DESIGN 2's list.
var permanent = map[int]bool{http.StatusUnauthorized: true, http.StatusNotFound: true, http.StatusGone: true}

// testStatuses answers with every status there is. 1xx but 101 are not answers: an
// HTTP client waits for what follows them.
func testStatuses(t *testing.T, factory Factory) {
	statuses := []int{http.StatusSwitchingProtocols}
	for status := 200; status < 600; status++ {
		statuses = append(statuses, status)
	}
	for _, status := range append(statuses, 999) {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			answer := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
			inBubble(t, factory, answer, func(t *testing.T, s *scene) {
				receipt, err := s.connector.Deliver(t.Context(), message())
				if status >= 200 && status < 300 {
					checkConfirmed(t, receipt, err, status, 1)
					return
				}
				checkRefused(t, err, status)
				if tries, want := len(s.seen()), wantTries(status); (tries > 1) != want {
					t.Errorf("%d tries; want more than one: %t", tries, want)
				}
			})
		})
	}
}

func wantTries(status int) (several bool) {
	return status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests || status >= 500
}

func checkConfirmed(t *testing.T, receipt access.Receipt, err error, status, tries int) {
	t.Helper()
	if err != nil || receipt.Status != status || receipt.Tries != tries {
		t.Errorf("Deliver = %+v, %v; want status %d after %d tries", receipt, err, status, tries)
	}
}

func checkRefused(t *testing.T, err error, status int) {
	t.Helper()
	failed := checkClass(t, err, access.ClassRefused)
	if failed.Status != status {
		t.Errorf("status = %d; want %d", failed.Status, status)
	}
	if got, want := access.IsPermanent(err), permanent[status]; got != want {
		t.Errorf("permanent = %t; want %t (%v)", got, want, err)
	}
}

func checkClass(t *testing.T, err error, class access.Class) *access.DeliveryError {
	t.Helper()
	var failed *access.DeliveryError
	if !errors.As(err, &failed) {
		t.Fatalf("error = %v (%T); want an *access.DeliveryError", err, err)
	}
	if failed.Class != class {
		t.Errorf("class = %s; want %s (%v)", failed.Class, class, err)
	}
	return failed
}
