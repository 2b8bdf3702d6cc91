package api

import (
	"errors"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

func FuzzReadSubmission(f *testing.F) {
	f.Add([]byte(`{"subject":{"type":"user","id":"a"}}`))
	f.Add([]byte(`{"subject":{"type":"user","id":"a"},"resource":{"type":"r","id":"1"},"action":{"name":"n"},"denial":{"binding_token":"x","expires_at":"2030-01-31T09:00:00Z"}}`))
	f.Add([]byte(`{"denial":null,"items":[],"requested_access":null,"callback":{"endpoint":"x","state":null,"events":["approved"]}}`))
	f.Add([]byte(`{"context":{"reason":"\ud800"}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := readSubmission(body)
		var fault *access.Error
		switch {
		case err != nil && !errors.As(err, &fault):
			t.Fatalf("%q: %v is no answer for a caller", body, err)
		case err == nil && (s.Subject.ID == "" || s.Resource.ID == "" || s.Action.Name == "" || s.Denial.ExpiresAt.IsZero()):
			t.Fatalf("%q was taken as %+v", body, s)
		}
	})
}
