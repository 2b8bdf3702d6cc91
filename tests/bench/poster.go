package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// poster is the floor under deliveries: a Go client that does nothing but sign
// and post messages which are there already, and look at the status.
type poster struct {
	url    string
	signer *connectors.Signer
}

func newPoster(url string) (served, error) {
	signer, err := connectors.NewSigner(benchSecret)
	if err != nil {
		return served{}, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /post", poster{url, signer}.serve)
	return served{
		handler: http.NotFoundHandler(), control: mux,
		delivered: func() int64 { return 0 }, close: func() error { return nil },
	}, nil
}

func (p poster) serve(out http.ResponseWriter, r *http.Request) {
	n, errN := strconv.Atoi(r.FormValue("n"))
	width, errWidth := strconv.Atoi(r.FormValue("width"))
	err := errors.Join(errN, errWidth)
	var took time.Duration
	if err == nil {
		took, err = p.post(n, width)
	}
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(out, took.Nanoseconds())
}

// message is one to be posted.
type message struct {
	id   string
	body []byte
}

// messages are what a gateway sends at the end of grants.
func messages(n int) ([]message, error) {
	b := batch{Count: n, Base: time.Now()}
	why := access.EndExpired
	all := make([]message, n)
	for i := range all {
		x := b.entitled(i)
		body, err := json.Marshal(access.Message{
			Type: access.VerbDeprovision, Timestamp: b.Base,
			Data: access.MessageData{
				Binding: access.BindingRef{ID: b.id(access.KindBinding, i), Generation: 2}, Subject: x.Subject, Action: x.Action,
				Resource: x.Resource, EndReason: &why, Grants: []access.MessageGrant{},
			},
		})
		if err != nil {
			return nil, err
		}
		all[i] = message{b.id(access.KindBinding, i) + "_2", body}
	}
	return all, nil
}

// post posts n messages, so many at once, and returns how long that took.
func (p poster) post(n, width int) (time.Duration, error) {
	all, err := messages(n)
	if err != nil {
		return 0, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: width, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	faults := make([]error, width)
	var next atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for i := range width {
		group.Go(func() {
			for k := next.Add(1); k <= int64(n) && faults[i] == nil; k = next.Add(1) {
				faults[i] = p.one(client, all[k-1])
			}
		})
	}
	group.Wait()
	return time.Since(began), errors.Join(faults...)
}

func (p poster) one(client *http.Client, m message) error {
	req, err := http.NewRequest(http.MethodPost, p.url, bytes.NewReader(m.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	p.signer.SignHeader(req.Header, m.id, time.Now(), m.body)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	}
	return err
}
