package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Customer is a customer as the directory knows them.
type Customer struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"` // "ACTIVE", or they can not be asked for
	Owner  string `json:"owner"`  // the team whose customer it is: policy lets it in
	Tier   string `json:"tier"`
	Region string `json:"region"`
}

const active = "ACTIVE"

// Directory lists customers. An error ends the list, and says that it is not whole.
type Directory interface {
	Customers(ctx context.Context) iter.Seq2[Customer, error]
}

// The bounds of a listing.
const (
	pageSize     = 500
	maxPage      = 8 << 20
	maxCustomers = 1_000_000 // what a snapshot may hold
	pageTries    = 3
	pageWithin   = 30 * time.Second
)

// httpDirectory is a directory over HTTP, page by page: GET <address>?status=ACTIVE
// &limit=500&cursor=… answers {"customers": […], "next_cursor": "…" or null}.
type httpDirectory struct {
	address *url.URL
	token   string
	client  *http.Client
	within  time.Duration // a page must have come; else it is asked for again
	pause   time.Duration // before that, and longer each time
}

type page struct {
	Customers  *[]Customer     `json:"customers"`
	NextCursor json.RawMessage `json:"next_cursor"`
}

// Customers lists all of them, each once. A page that can not be had, in a few
// tries, ends the list with an error: what was listed until then is not everybody.
func (d httpDirectory) Customers(ctx context.Context) iter.Seq2[Customer, error] {
	return func(yield func(Customer, error) bool) {
		seen, asked := map[string]Customer{}, map[string]bool{}
		for cursor := ""; ; {
			asked[cursor] = true
			p, next, err := d.page(ctx, cursor)
			if err == nil && asked[next] && next != "" {
				err = errors.New("the directory's pages go round in a circle")
			}
			if err != nil {
				yield(Customer{}, err)
				return
			}
			for _, c := range *p.Customers {
				fresh, err := remember(seen, c)
				if (fresh || err != nil) && !yield(c, err) || err != nil {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}

// remember reports whether a customer is new. Where pages move while they are read
// one can be on two of them, which is no harm as long as both say the same.
func remember(seen map[string]Customer, c Customer) (fresh bool, err error) {
	before, known := seen[c.ID]
	switch {
	case c.ID == "" || c.Status == "":
		return false, errors.New("the directory lists a customer without an id or a status")
	case known && before != c:
		return false, fmt.Errorf("the directory lists the customer %q twice, and not as the same", c.ID)
	case len(seen) >= maxCustomers:
		return false, fmt.Errorf("the directory lists more than %d customers", maxCustomers)
	}
	seen[c.ID] = c
	return !known, nil
}

// page gets one page; a fault that may pass is tried again.
func (d httpDirectory) page(ctx context.Context, cursor string) (p page, next string, err error) {
	for try := 1; ; try++ {
		var passing bool
		p, next, passing, err = d.once(ctx, cursor)
		if err == nil || !passing || try == pageTries {
			return p, next, err
		}
		select {
		case <-ctx.Done():
			return p, "", err
		case <-time.After(time.Duration(try) * d.pause):
		}
	}
}

func (d httpDirectory) once(ctx context.Context, cursor string) (p page, next string, passing bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.within) // one that hangs would take the time of all
	defer cancel()
	u := *d.address
	q := u.Query()
	q.Set("status", active)
	q.Set("limit", strconv.Itoa(pageSize))
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return p, "", false, errors.New("the directory can not be asked")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := d.client.Do(req)
	if err != nil {
		return p, "", true, fmt.Errorf("the directory does not answer: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		passing = res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= http.StatusInternalServerError
		return p, "", passing, fmt.Errorf("the directory answers %d", res.StatusCode)
	}
	p, next, err = readPage(res.Body)
	return p, next, ctx.Err() != nil, err
}

// readPage wants each member to be there: an answer without next_cursor is not the
// last page, but one that was cut off, or of another service.
func readPage(body io.Reader) (p page, next string, err error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxPage+1))
	switch {
	case err != nil:
		return p, "", fmt.Errorf("the directory's answer ends early: %w", err)
	case len(raw) > maxPage:
		return p, "", fmt.Errorf("a page of the directory has more than %d bytes", maxPage)
	case json.Unmarshal(raw, &p) != nil, p.Customers == nil, p.NextCursor == nil:
		return p, "", errors.New(`a page of the directory is not {"customers": [...], "next_cursor": ...}`)
	case string(p.NextCursor) == "null":
		return p, "", nil
	case json.Unmarshal(p.NextCursor, &next) != nil || next == "":
		return p, "", errors.New("a page of the directory has a next_cursor that is neither null nor a text")
	}
	return p, next, nil
}
