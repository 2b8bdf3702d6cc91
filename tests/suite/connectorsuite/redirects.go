package connectorsuite

import (
	"fmt"
	"net/http"
	"testing"
)

func testRedirects(t *testing.T, factory Factory) {
	t.Run("to a place that can not be parsed", func(t *testing.T) {
		inBubble(t, factory, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://elsewhere:port/%zz")
			w.WriteHeader(http.StatusFound)
		}, func(t *testing.T, s *scene) { checkRefused(t, s.deliver(t), http.StatusFound) })
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, factory, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					w.WriteHeader(http.StatusNoContent)
					return
				}
				http.Redirect(w, r, "/elsewhere", status)
			}, func(t *testing.T, s *scene) {
				checkRefused(t, s.deliver(t), status)
				if n := len(s.seen()); n != 1 {
					t.Errorf("%d requests; want 1: a redirect is not followed", n)
				}
			})
		})
	}
}
