package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
)

// resource is a customer as the gateway's catalogue has it.
type resource struct {
	Type         string            `json:"type"`
	ID           string            `json:"id"`
	Name         string            `json:"name,omitempty"`
	Properties   map[string]string `json:"properties,omitempty"` // facts for policy
	Entitlements json.RawMessage   `json:"entitlements"`
}

func resourceOf(c Customer, entitlements json.RawMessage) resource {
	r := resource{Type: "customer", ID: c.ID, Name: c.Name, Properties: map[string]string{}, Entitlements: entitlements}
	for name, value := range map[string]string{"owner": c.Owner, "tier": c.Tier, "region": c.Region} {
		if value != "" { // what is not known is left out: policy tells it from what is known
			r.Properties[name] = value
		}
	}
	return r
}

// snapshot is all active customers, as gzipped lines of JSON.
type snapshot struct {
	body    []byte
	active  int
	skipped int // listed, and not active
}

// errNobody is a listing that can not be right.
var errNobody = errors.New("the directory lists no active customer, which would archive them all")

// take lists everybody before a byte is sent. Were the list sent while it is read,
// a page that fails would leave the gateway with half of it; so it is held here,
// which for a hundred thousand customers is a few megabytes.
func take(ctx context.Context, d Directory, entitlements json.RawMessage) (s snapshot, err error) {
	var body bytes.Buffer
	zipped := gzip.NewWriter(&body)
	lines := json.NewEncoder(zipped)
	for customer, err := range d.Customers(ctx) {
		if err != nil {
			return snapshot{}, err
		}
		if customer.Status != active {
			s.skipped++
			continue
		}
		if err := lines.Encode(resourceOf(customer, entitlements)); err != nil {
			return snapshot{}, err
		}
		s.active++
	}
	if s.active == 0 {
		return snapshot{}, errNobody
	}
	err = zipped.Close()
	s.body = body.Bytes()
	return s, err
}
