package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// crowd is people in Slack, who all do something at the same moment.
type crowd struct {
	gateway string // URL
	vendor  *slackVendor
	size    int
	client  *http.Client
	count   atomic.Int64 // of what they did
	asked   atomic.Int64 // so far: everybody asks for another resource each time
}

func newCrowd(gateway string, v *slackVendor, size int) *crowd {
	return &crowd{gateway: gateway, vendor: v, size: size, client: &http.Client{
		Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: size, IdleConnTimeout: time.Minute},
	}}
}

// deed is something that one person does in Slack, and how it was answered.
type deed struct {
	path    string     // of the gateway's
	form    url.Values // signed
	told    string     // path of its response URL
	message string     // that was clicked on, as shownAt has it
	request string     // that it is about, if any

	began time.Time
	took  time.Duration
	said  string // in the answer
}

// opens types the command that opens the form.
func (c *crowd) opens(n int) *deed { return c.command(n, "") }

// asks types a command that asks at once for what everybody here is given.
func (c *crowd) asks(n int) *deed {
	return c.command(n, customer(int(c.asked.Add(1)-1)/c.size%resources)+" 2h "+reason)
}

func (c *crowd) command(n int, text string) *deed {
	d := c.deed("/hooks/slack/commands")
	d.form = url.Values{
		"command": {"/access"}, "text": {text}, "user_id": {slackID(subject("d", n).ID)}, "user_name": {"somebody"}, "team_id": {slackTeam},
		"channel_id": {"CBENCH"}, "trigger_id": {c.unique("trigger")}, "response_url": {c.vendor.server.URL + d.told}, "api_app_id": {"ABENCH"},
	}
	return d
}

// approves clicks the button of a request.
func (c *crowd) approves(n int, request string) *deed {
	d := c.deed("/hooks/slack/interactions")
	at, notice := c.vendor.stamp(), access.NewID(access.KindNotice, time.Now())
	d.request, d.message = request, shownAt(at)
	payload, _ := json.Marshal(map[string]any{ // of what was made here
		"type": "block_actions", "api_app_id": "ABENCH", "trigger_id": c.unique("trigger"), "response_url": c.vendor.server.URL + d.told,
		"team": map[string]any{"id": slackTeam, "domain": "bench"}, "channel": map[string]any{"id": "CBENCH", "name": "reviews"},
		"user":      map[string]any{"id": slackID(subject("d", n).ID), "name": "somebody", "team_id": slackTeam},
		"container": map[string]any{"type": "message", "message_ts": at, "channel_id": "CBENCH", "is_ephemeral": false},
		"message":   map[string]any{"type": "message", "ts": at, "text": "Answer this request"},
		"actions": []any{map[string]any{
			"type": "button", "action_id": "review.approve", "block_id": "review/review/" + notice, "value": request, "action_ts": at,
		}},
	})
	d.form = url.Values{"payload": {string(payload)}}
	return d
}

func (c *crowd) deed(path string) *deed {
	return &deed{path: path, told: "/response/" + c.unique("r")}
}

func (c *crowd) unique(what string) string { return fmt.Sprintf("%s-%d", what, c.count.Add(1)) }

// together does all of it at the same moment, and returns when each is answered.
func (c *crowd) together(ctx context.Context, deeds []*deed) error {
	faults := make([]error, len(deeds))
	start := make(chan struct{})
	var group sync.WaitGroup
	for i, d := range deeds {
		group.Go(func() {
			<-start
			faults[i] = c.do(ctx, d)
		})
	}
	close(start)
	group.Wait()
	return errors.Join(faults...)
}

// do sends it as Slack does, signed, and notes how long the answer took.
func (c *crowd) do(ctx context.Context, d *deed) error {
	body := d.form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.gateway+d.path, strings.NewReader(body))
	if err != nil {
		return err
	}
	at := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(slackSigning))
	fmt.Fprintf(mac, "v0:%s:%s", at, body)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Slack-Request-Timestamp", at)
	req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	d.began = time.Now()
	res, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	d.took, d.said = time.Since(d.began), string(raw)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", d.path, res.Status, raw)
	}
	return err
}
