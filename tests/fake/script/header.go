package script

import "net/http"

// With returns the headers of an answer with one more. Those given stay as they are,
// for another step may have them too.
func With(h http.Header, name, value string) http.Header {
	if h = h.Clone(); h == nil {
		h = http.Header{}
	}
	h.Set(name, value)
	return h
}
