package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	pd "github.com/PagerDuty/go-pagerduty"
)

// Check asks each kind of thing once, and for each mapped address whose account it
// is. It reports all that is missing, in words that name the remedy.
func (c *Client) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	defer cancel()
	f := c.begin(c.cfg.Now())
	_, onCallHeader, onCallErr := call(ctx, c, listOnCalls, func(api *pd.Client) (*pd.ListOnCallsResponse, error) {
		return api.ListOnCallsWithContext(ctx, pd.ListOnCallOptions{Limit: 1, Includes: []string{"users"}})
	})
	if errors.Is(onCallErr, ErrUnauthorised) || errors.Is(onCallErr, ErrUnreachable) {
		return fmt.Errorf("pagerduty: %w", onCallErr) // the others would say the same
	}
	f.compare(onCallHeader)
	_, _, incidentErr := call(ctx, c, listIncidents, func(api *pd.Client) (*pd.ListIncidentsResponse, error) {
		return api.ListIncidentsWithContext(ctx, pd.ListIncidentsOptions{Limit: 1})
	})
	_, _, userErr := call(ctx, c, listUsers, func(api *pd.Client) (*pd.ListUsersResponse, error) {
		return api.ListUsersWithContext(ctx, pd.ListUsersOptions{Limit: 1})
	})
	found := []error{onCallErr, incidentErr, userErr}
	for _, fault := range f.faults.all() {
		found = append(found, errors.New(fault))
	}
	if userErr == nil {
		found = append(found, c.checkMapping(ctx)...)
	}
	return errors.Join(found...)
}

// checkMapping reports mapped addresses that no account has.
func (c *Client) checkMapping(ctx context.Context) []error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(c.users)) {
		if !strings.Contains(key, "@") {
			continue
		}
		if _, err := c.UserByEmail(ctx, key); err != nil {
			faults = append(faults, fmt.Errorf("the mapping of %s: %w", key, err))
		}
	}
	return faults
}
