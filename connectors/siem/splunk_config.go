package siem

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
)

// How records are named at Splunk when a SplunkConfig does not say.
const (
	DefaultSplunkSource     = "curfew"
	DefaultSplunkSourceType = "curfew:audit"
)

// SplunkConfig is an HTTP event collector, as an operator configured it. It prints
// without its token.
type SplunkConfig struct {
	URL   string // such as https://splunk.example.com:8088; required
	Token string `json:"-"` // of the collector; required

	Index      string // "": the token's default
	Source     string // "": DefaultSplunkSource
	SourceType string // "": DefaultSplunkSourceType
	Host       string // "": the address that Splunk sees

	Ack     bool          // ask whether what was sent is indexed; the token must have indexer acknowledgement
	Plain   bool          // do not compress
	Timeout time.Duration // of a request, short retries included; 0: connectors.DefaultTimeout

	As        *connectors.Credentials `json:"-"` // nil: whom the machine trusts is trusted
	Transport http.RoundTripper       `json:"-"` // nil: connectors.NewTransport
}

// Format keeps the token out of everything that fmt prints, whatever the verb.
func (SplunkConfig) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Splunk(<secret>)") }

// LogValue keeps the token out of logs.
func (SplunkConfig) LogValue() slog.Value { return slog.StringValue("Splunk(<secret>)") }

// Check reports every fault of the configuration, and never the token.
func (c SplunkConfig) Check() error {
	_, err := c.validate()
	return err
}

var splunkIndexPattern = regexp.MustCompile(`^([a-z0-9][a-z0-9_-]{0,79})?$`)

func (c SplunkConfig) validate() (*url.URL, error) {
	base, err := splunkBase(c.URL)
	faults := []error{err}
	switch {
	case c.Token == "":
		faults = append(faults, errors.New("the token is missing"))
	case strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		faults = append(faults, errors.New("the token holds a space or a character that can not be printed"))
	}
	if !splunkIndexPattern.MatchString(c.Index) {
		faults = append(faults, fmt.Errorf("the index %q is no name of one: want lower-case letters, digits, _ and -", c.Index))
	}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("the timeout %s is negative", c.Timeout))
	}
	if c.As != nil && base != nil && base.Scheme != "https" {
		faults = append(faults, errors.New("a CA or a client certificate is for an https URL"))
	}
	faults = append(faults, metadata([2]string{"source", c.Source}, [2]string{"source type", c.SourceType}, [2]string{"host", c.Host})...)
	return base, errors.Join(faults...)
}

// splunkBase reads the address beneath which the collector is. One that was copied
// with the collector's own path is taken too.
func splunkBase(text string) (*url.URL, error) {
	base, err := connectors.ParseURL(text)
	if err != nil {
		return nil, err
	}
	if base.RawQuery != "" {
		return nil, errors.New("the URL holds a query; the token has a key of its own")
	}
	path := strings.TrimRight(base.Path, "/")
	for _, own := range []string{"/1.0", "/event", "/services/collector"} {
		path = strings.TrimSuffix(path, own)
	}
	base.Path, base.RawPath = path, ""
	return base, nil
}

func (c SplunkConfig) withDefaults() SplunkConfig {
	if c.Source == "" {
		c.Source = DefaultSplunkSource
	}
	if c.SourceType == "" {
		c.SourceType = DefaultSplunkSourceType
	}
	return c
}

// newChannel makes a channel: acknowledgements are numbered on each by itself.
func newChannel() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var channelPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// isChannel reports whether the text is one that newChannel could have made.
func isChannel(text string) bool { return channelPattern.MatchString(text) }
