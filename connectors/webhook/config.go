package webhook

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/curfew-access/curfew/connectors"
)

// MaxTimeout bounds an attempt: a binding is leased, and can not change its mind,
// for as long as one lasts.
const MaxTimeout = 2 * time.Minute

// Config is a target as an operator configured it. It prints as its name: URL,
// secrets and header values may all be secret.
type Config struct {
	Name       string            // in the configuration; required
	URL        string            `json:"-"` // absolute http or https, without user and fragment; required
	VerifyURL  string            `json:"-"` // where questions go, as URL; "": where deliveries do
	Secrets    []string          `json:"-"` // "whsec_…"; at least one, several while they are changed over
	Headers    map[string]string `json:"-"` // sent along, to authenticate; not those that are the message's own
	Timeout    time.Duration     // of a whole attempt, retries inside it included; 0: 15 s; at most MaxTimeout
	Retries    int               // inside an attempt; 0: connectors.DefaultRetries, less: none
	AtOnce     int               // attempts that are made at once, whose connections are kept; 0: a few
	PublicOnly bool              // refuse loopback and private networks too; metadata addresses always are

	// As are what the connection is made with: who calls, and who is trusted; nil:
	// nobody says who calls, and whom the machine trusts is trusted.
	As *connectors.Credentials `json:"-"`

	Transport http.RoundTripper `json:"-"` // nil: connectors.NewTransport; it then sees to PublicOnly itself
	Now       func() time.Time  `json:"-"` // the clock of signatures; nil: time.Now
}

// Format keeps secrets out of everything that fmt prints, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "webhook target %q", c.Name) }

// LogValue keeps secrets out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.Name) }

func (c Config) validate() (*url.URL, http.Header, *connectors.Signer, error) {
	address, urlErr := connectors.ParseURL(c.URL)
	headers, headersErr := connectors.ParseHeaders(c.Headers)
	signer, signerErr := connectors.NewSigner(c.Secrets...)
	err := errors.Join(checkName(c.Name), urlErr, headersErr, signerErr, checkTimeout(c.Timeout), c.checkCredentials(address))
	return address, headers, signer, err
}

// checkCredentials refuses credentials that would never be shown.
func (c Config) checkCredentials(address *url.URL) error {
	if c.As != nil && address != nil && address.Scheme != "https" {
		return errors.New("a client certificate is for an https URL")
	}
	return nil
}

func checkName(name string) error {
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("the name is not 1 to 64 printable bytes")
	}
	return nil
}

func checkTimeout(d time.Duration) error {
	if d < 0 || d > MaxTimeout {
		return fmt.Errorf("the timeout %s is not between 0 (for the default) and %s", d, MaxTimeout)
	}
	return nil
}
