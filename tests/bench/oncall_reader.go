package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"
)

// read is what it takes to get bodies one after another and to decode them.
type read struct {
	Wall, CPU, Decoding float64 // seconds
	Allocs, AllocBytes  uint64
	Bytes               int64
	Rows                int
}

// reading is what is to be read.
type reading struct {
	Base string
	URIs []string
}

// read has the reader read what a poll asks the vendor for.
func (c *child) read(ctx context.Context, v *vendor) (r read, err error) {
	raw, err := c.give(ctx, "/more/read", reading{"http://" + v.Address, v.asked})
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	return r, err
}

// newReader is the floor under a poll: a Go client that does nothing but get the
// same bodies and decode them, by encoding/json, into what is needed of them.
func newReader() served {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /read", func(w http.ResponseWriter, r *http.Request) {
		var what reading
		err := json.NewDecoder(r.Body).Decode(&what)
		var took read
		if err == nil {
			took, err = what.read(r.Context())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(took)
	})
	return served{handler: http.NotFoundHandler(), control: mux, delivered: func() int64 { return 0 }, close: func() error { return nil }}
}

// bareList is a page of on-calls, or of users.
type bareList struct {
	OnCalls []struct {
		User     bareUser   `json:"user"`
		Schedule *bareNamed `json:"schedule"`
		Policy   bareNamed  `json:"escalation_policy"`
		Level    int        `json:"escalation_level"`
		Start    *time.Time `json:"start"`
		End      *time.Time `json:"end"`
	} `json:"oncalls"`
	Users []bareUser `json:"users"`
	More  bool       `json:"more"`
}

type bareUser struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

type bareNamed struct {
	ID      string `json:"id"`
	Summary string `json:"summary"`
}

func (x reading) read(ctx context.Context) (r read, err error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu, began := ownCPU(), time.Now()
	for _, uri := range x.URIs {
		body, err := x.get(ctx, uri)
		if err != nil {
			return r, err
		}
		var list bareList
		decoding := time.Now()
		if err := json.Unmarshal(body, &list); err != nil {
			return r, err
		}
		r.Decoding += time.Since(decoding).Seconds()
		r.Bytes += int64(len(body))
		r.Rows += len(list.OnCalls)
	}
	r.Wall, r.CPU = time.Since(began).Seconds(), (ownCPU() - cpu).Seconds()
	runtime.ReadMemStats(&after)
	r.Allocs, r.AllocBytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	return r, nil
}

func (x reading) get(ctx context.Context, uri string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, x.Base+uri, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Token token="+benchToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", uri, res.Status)
	}
	return body, err
}
