package slack

import (
	"errors"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
)

// faultsOfTheApp are the codes by which Slack takes nothing at all from the app
// until an operator has mended it, whatever it is and whoever it is for.
var faultsOfTheApp = map[string]bool{
	"invalid_auth": true, "not_authed": true, "token_revoked": true, "token_expired": true, "account_inactive": true,
	"missing_scope": true, "no_permission": true, "ekm_access_denied": true, "not_allowed_token_type": true,
	"method_not_supported": true, "method_deprecated": true, "deprecated_endpoint": true, "two_factor_setup_required": true,
	"org_login_required": true, "team_access_not_granted": true, "enterprise_is_restricted": true, "access_denied": true,
	"messages_tab_disabled": true,
}

// mendable takes the mark of an error that will stay from one that stays only until
// the app is mended: all that is to be told in between waits for that, and is not
// given up. A status is of the way to Slack, and not of what was sent.
func mendable(err error) error {
	var r *refused
	if access.IsPermanent(err) && errors.As(err, &r) && (faultsOfTheApp[r.code] || strings.HasPrefix(r.code, "status ")) {
		return unmarked{err}
	}
	return err
}

// unmarked is an error without what it wraps.
type unmarked struct{ err error }

func (u unmarked) Error() string { return u.err.Error() }
