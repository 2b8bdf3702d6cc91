package slack

import (
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

// What is wrong with the app loses no notice: it is shown when that is mended. What
// is wrong with the notice, or with whoever it is for, is told to be for good.
func TestANoticeIsNotGivenUpForAFaultOfTheApp(t *testing.T) {
	for code, givenUp := range map[string]bool{
		"invalid_auth": false, "token_revoked": false, "token_expired": false, "account_inactive": false, "missing_scope": false,
		"team_access_not_granted": false, "status 403": false, "status 407": false,
		"channel_not_found": true, "not_in_channel": true, "is_archived": true, "msg_too_long": true, "something_new": true,
	} {
		for _, method := range []string{"post", "by_email", "update"} {
			w := newWorld(t)
			w.slack.fails(method, access.Permanent(&refused{method: method, code: code, more: ": mend it"}))
			n := reviewIn(access.Recipient{Channel: "#security"})
			switch method {
			case "by_email":
				n.To = access.Recipient{Subject: &aliceS}
			case "update":
				n.Place = access.Place{Channel: "C1", At: "1.2"}
			}
			_, err := w.app.Show(t.Context(), n)
			if err == nil || access.IsPermanent(err) != givenUp || !strings.Contains(err.Error(), code+": mend it") {
				t.Errorf("%s of %s: %v; want it to be given up: %v", code, method, err, givenUp)
			}
		}
	}
}
