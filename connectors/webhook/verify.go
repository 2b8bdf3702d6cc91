package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// maxVerdict bounds, in bytes, the answer to a question.
const maxVerdict = 4 << 10

// Verify asks whether the binding exists: it ends within the Deadline, or as soon as
// ctx does. The question is signed as a delivery is, and has an id of its own: a
// target that drops what it has seen would not answer one that has a delivery's.
//
// The answer is 2xx with a JSON object of at most 4 KiB whose member "exists" is true,
// false, or null: that is access.Unknown. Members beside it are ignored. Anything else
// is an error, which says what was wrong: nothing is taken for an answer that is none.
// No error holds a secret, the URL beyond scheme and host, or more than a short piece
// of the answer.
func (t *Target) Verify(ctx context.Context, m access.Message) (access.Presence, error) {
	id, err := messageID(m.Data.Binding)
	if err != nil {
		return access.Unknown, err
	}
	id += "_verify_" + strconv.FormatInt(m.Timestamp.Unix(), 10)
	body, err := json.Marshal(m)
	if err != nil {
		return access.Unknown, errors.New("the question has no JSON form")
	}
	answer, err := t.send(ctx, t.verify, id, body, t.redact.Clone())
	if err != nil {
		return access.Unknown, err
	}
	if answer.Status < 200 || answer.Status > 299 {
		return access.Unknown, errors.New(answer.Said())
	}
	exists, fault := verdict(answer.Body)
	if fault == nil {
		return exists, nil
	}
	err = fmt.Errorf("answered %d, but the answer %w", answer.Status, fault)
	if answer.Detail != "" {
		err = fmt.Errorf("%w: %s", err, answer.Detail)
	}
	return access.Unknown, err
}

// verdict reads {"exists": true | false | null}.
func verdict(body []byte) (access.Presence, error) {
	if len(body) > maxVerdict {
		return access.Unknown, fmt.Errorf("is longer than %d bytes", maxVerdict)
	}
	exists, err := member(body, "exists")
	switch {
	case err != nil:
		return access.Unknown, err
	case bytes.Equal(exists, []byte("true")):
		return access.Present, nil
	case bytes.Equal(exists, []byte("false")):
		return access.Absent, nil
	case bytes.Equal(exists, []byte("null")):
		return access.Unknown, nil
	}
	return access.Unknown, errors.New(`has an "exists" that is not true, false or null`)
}

// member is the value of the one member with exactly that name in a JSON object. An
// object that names it twice says two things.
func member(body []byte, name string) (value json.RawMessage, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("is not a JSON object")
	}
	found := 0
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, errors.New("is not valid JSON")
		}
		var v json.RawMessage
		if err := decoder.Decode(&v); err != nil {
			return nil, errors.New("is not valid JSON")
		}
		if key == name {
			value = v
			found++
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errors.New("is not valid JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("goes on after the JSON object")
	}
	switch found {
	case 0:
		return nil, fmt.Errorf("has no member %q", name)
	case 1:
		return value, nil
	}
	return nil, fmt.Errorf("has the member %q %d times", name, found)
}

// parseVerifyURL is where questions go: where deliveries do, if it is not said.
func parseVerifyURL(text string, address *url.URL) (*url.URL, error) {
	if text == "" {
		return address, nil
	}
	own, err := connectors.ParseURL(text)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return own, nil
}
