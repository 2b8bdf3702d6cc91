package main

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine"
)

// followEvery is how often a tail looks for new events.
const followEvery = time.Second

// tail prints the events of the query, and then those that come, by the cursor.
func (c *cli) tail(ctx context.Context, q url.Values, follow bool) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	for {
		var page engine.Page[json.RawMessage]
		if _, err := cl.Get(ctx, "/v1/audit/events", q, &page); err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // interrupted, which is how a tail ends
			}
			return err
		}
		for _, event := range page.Items {
			if err := c.printEvent(event); err != nil {
				return err
			}
		}
		if !follow || page.NextCursor == nil {
			return nil
		}
		q.Set("cursor", *page.NextCursor)
		q.Set("limit", strconv.Itoa(engine.MaxLimit))
		q.Del("newest")
		if len(page.Items) == engine.MaxLimit {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}
