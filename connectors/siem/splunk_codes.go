package siem

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// meaning is what becomes of the records after an answer.
type meaning int

const (
	meansTaken    meaning = iota // they are Splunk's now
	meansLater                   // the same is sent again
	meansOperator                // only an operator can change it
	meansRejected                // one of them is never taken
)

const (
	splunkSuccess = 0
	splunkNoData  = 5
)

// splunkCodes are the codes of the HTTP event collector, and what is to be done.
var splunkCodes = map[int]struct {
	means meaning
	fix   string
}{
	splunkSuccess: {meansTaken, ""},
	1:             {meansOperator, "enable the token"},
	2:             {meansOperator, "something in between takes the Authorization header away"},
	3:             {meansOperator, "something in between changes the Authorization header"},
	4:             {meansOperator, "Splunk does not know the token: set `token` to the one that it shows"},
	splunkNoData:  {meansRejected, ""},
	6:             {meansRejected, ""},
	7:             {meansOperator, "allow the index for the token, or set `index` to one that is allowed"},
	8:             {meansLater, ""},
	9:             {meansLater, ""},
	10:            {meansOperator, "the token has indexer acknowledgement: set `ack: true`, or disable it for the token"},
	11:            {meansOperator, "something in between changes the X-Splunk-Request-Channel header"},
	12:            {meansRejected, ""},
	13:            {meansRejected, ""},
	14:            {meansOperator, "enable indexer acknowledgement for the token, or set `ack: false`"},
	15:            {meansRejected, ""},
	16:            {meansOperator, "something in between turns the Authorization header into a query"},
	17:            {meansOperator, "that is what it says of its health: something leads the events to another place"},
	18:            {meansLater, ""},
	19:            {meansLater, ""},
	20:            {meansLater, ""},
	21:            {meansOperator, "Splunk does not know the token: set `token` to the one that it shows"},
	22:            {meansOperator, "enable the token"},
	23:            {meansLater, ""}, // it is going down
	24:            {meansTaken, ""}, // its queue is filling
	25:            {meansTaken, ""}, // so are its acknowledgements
	26:            {meansLater, ""}, // its queue is full
	27:            {meansLater, ""}, // so is the channel, of what nobody asked for
}

// splunkAnswer is what the collector says. A member that is not there is nil.
type splunkAnswer struct {
	Text    string `json:"text"`
	Code    *int   `json:"code"`
	Invalid *int   `json:"invalid-event-number"` // 0 is the first
	AckID   *int64 `json:"ackId"`
}

func (a splunkAnswer) code() int { return *a.Code }

// splunkSaid reads an answer. One that is not the collector's own has no code.
func splunkSaid(body []byte) (said splunkAnswer, ok bool) {
	ok = json.Unmarshal(body, &said) == nil && said.Code != nil
	return said, ok
}

// judge says what an answer to so many records means: nil, an *access.DeliveryError,
// or an *access.RejectedError.
func (s *Splunk) judge(answer connectors.Answer, records int) (splunkAnswer, error) {
	said, ok := splunkSaid(answer.Body)
	if answer.Status == http.StatusRequestEntityTooLarge {
		return said, s.tooLarge(answer)
	}
	if !ok {
		return said, s.judgeStatus(answer)
	}
	answer.Detail = s.redact.Clean(fmt.Sprintf("code %d, %s", said.code(), said.Text))
	switch code, known := splunkCodes[said.code()]; {
	case !known, code.means == meansTaken && answer.Status/100 != 2:
		return said, s.judgeStatus(answer)
	case code.means == meansTaken:
		return said, nil
	case code.means == meansLater:
		return said, s.failed(answer, "")
	case code.means == meansOperator:
		return said, s.misconfigured(answer, code.fix)
	}
	return said, &access.RejectedError{Index: said.invalid(records), Reason: s.answered(answer, "")}
}

// judgeStatus is for an answer of somebody in between, or with a code that nobody
// knows. Nothing of it says that a record is bad, so none is set aside.
func (s *Splunk) judgeStatus(answer connectors.Answer) error {
	switch {
	case transient(answer.Status):
		return s.failed(answer, "")
	case answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden:
		return s.misconfigured(answer, "check the token, and what is between")
	}
	return s.misconfigured(answer, "an HTTP event collector does not answer so: check the URL, and that the collector is enabled")
}

// invalid is the record that is refused; -1 when Splunk does not say, or names one
// that was not sent.
func (a splunkAnswer) invalid(records int) int {
	if a.Invalid == nil || *a.Invalid < 0 || *a.Invalid >= records {
		return -1
	}
	return *a.Invalid
}
