package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"

	"github.com/curfew-access/curfew/connectors"
)

const (
	// maxSkew is how far PagerDuty's clock and ours may be apart before it is said:
	// ends of shifts are late or early by as much.
	maxSkew = 30 * time.Second
	// maxFaults bounds what one snapshot says of what could not be used.
	maxFaults = 50
)

// fetch is one poll under way.
type fetch struct {
	client *Client
	now    time.Time // by the ledger's clock, when it began
	began  time.Time // the same by the client's
	timed  bool      // PagerDuty's clock was compared
	faults faults
}

func (c *Client) begin(now time.Time) *fetch {
	return &fetch{client: c, now: now, began: c.cfg.Now()}
}

// compare says how far PagerDuty's clock is from ours, once for each fetch.
func (f *fetch) compare(header http.Header) {
	date, err := http.ParseTime(header.Get("Date"))
	if f.timed || err != nil {
		return
	}
	f.timed = true
	skew := date.Sub(f.now.Add(f.client.cfg.Now().Sub(f.began))).Round(time.Second)
	if skew.Abs() <= maxSkew {
		return
	}
	side := "ahead of"
	if skew < 0 {
		side = "behind"
	}
	f.faults.say("PagerDuty's clock is %s %s ours: shifts begin and end as much too early or too late", skew.Abs(), side)
}

// faults are sentences for the operator, each once, fit to be shown.
type faults struct {
	said []string
	more int
}

func (f *faults) say(format string, args ...any) {
	text := (&connectors.Redactor{}).Clean(fmt.Sprintf(format, args...))
	switch {
	case slices.Contains(f.said, text):
	case len(f.said) == maxFaults:
		f.more++
	default:
		f.said = append(f.said, text)
	}
}

// all returns the sentences, the last of which counts what was left out.
func (f *faults) all() []string {
	if f.more == 0 {
		return f.said
	}
	return append(slices.Clip(f.said), fmt.Sprintf("and %d more", f.more))
}

const (
	pageSize = 100
	// maxRows is as far as PagerDuty pages: an offset and a limit beyond it are
	// refused.
	maxRows = 10_000
)

// errTooMany says that a list is longer than can be paged.
var errTooMany = errors.New("the list is longer than the 10,000 rows that PagerDuty pages")

// pages asks for page after page while there is more. A page that is not the one
// that was asked for would go round in circles.
func pages(ctx context.Context, op operation, page func(ctx context.Context, offset uint) (pd.APIListObject, error)) error {
	for offset := uint(0); offset+pageSize <= maxRows; {
		got, err := page(ctx, offset)
		switch {
		case err != nil:
			return err
		case got.Offset != offset:
			return op.malformed("it is the page from %d; %d was asked for", got.Offset, offset)
		case !got.More:
			return nil
		}
		if got.Limit == 0 || got.Limit > pageSize {
			got.Limit = pageSize
		}
		offset += got.Limit
	}
	return fmt.Errorf("%s: %w", op.name, errTooMany)
}
