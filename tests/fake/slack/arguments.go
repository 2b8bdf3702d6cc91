package slack

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// nested are the arguments that are JSON within a form.
var nested = []string{"blocks", "attachments", "metadata", "view"}

// arguments reads a form or JSON, and the token from the header or the form. In
// the address of a request Slack takes no token.
func arguments(w http.ResponseWriter, r *http.Request) (args map[string]any, shown string, err error) {
	args = map[string]any{}
	shown, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return args, shown, refusal{code: "request_too_large"}
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
		if len(body) > 0 && json.Unmarshal(body, &args) != nil {
			return map[string]any{}, shown, refusal{code: "invalid_json"}
		}
		return args, shown, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return args, shown, refusal{code: "invalid_form_data"}
	}
	for name := range form {
		args[name] = form.Get(name)
	}
	if inForm := form.Get("token"); inForm != "" {
		shown = inForm
	}
	delete(args, "token")
	for _, name := range nested {
		text, given := args[name].(string)
		if !given {
			continue
		}
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			return args, shown, refusal{code: "invalid_arguments"}
		}
		args[name] = value
	}
	return args, shown, nil
}

// text is a string among the arguments, or "".
func text(args map[string]any, name string) string {
	s, _ := args[name].(string)
	return s
}

func encode(body any) []byte {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return encoded
}

// copied is a deep copy of what is JSON.
func copied[T any](value T) T {
	var other T
	if err := json.Unmarshal(encode(value), &other); err != nil {
		panic(err)
	}
	return other
}
