package siem

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
)

// SumoLogicConfig is an HTTP source, as an operator configured it. It prints without
// its URL: whoever has that can write.
type SumoLogicConfig struct {
	URL string `json:"-"` // as Sumo Logic shows it; required

	Category   string            // _sourceCategory; "": the source's own
	SourceName string            // _sourceName; "": the source's own
	Host       string            // _sourceHost; "": the source's own
	Fields     map[string]string // beside each line, if the account has such fields

	Timeout   time.Duration     // of a request; 0: 40 s
	Transport http.RoundTripper `json:"-"` // nil: connectors.NewTransport
}

// Format keeps the URL out of everything that fmt prints, whatever the verb.
func (SumoLogicConfig) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Sumo Logic(<secret>)") }

// LogValue keeps the URL out of logs.
func (SumoLogicConfig) LogValue() slog.Value { return slog.StringValue("Sumo Logic(<secret>)") }

// Check reports every fault of the configuration, and nothing of the URL.
func (c SumoLogicConfig) Check() error {
	_, err := c.validate()
	return err
}

func (c SumoLogicConfig) validate() (*url.URL, error) {
	address, err := sumoURL(c.URL)
	faults := []error{err}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("the timeout %s is negative", c.Timeout))
	}
	faults = append(faults, metadata([2]string{"category", c.Category}, [2]string{"source name", c.SourceName}, [2]string{"host", c.Host})...)
	return address, errors.Join(append(faults, c.checkFields()...)...)
}

func sumoURL(text string) (*url.URL, error) {
	address, err := connectors.ParseURL(text)
	switch {
	case err != nil:
		return nil, err
	case strings.Trim(address.Path, "/") == "":
		return nil, errors.New("the URL lacks the source's own part: copy the whole of it")
	case address.Scheme != "https" && strings.HasSuffix(strings.ToLower(address.Hostname()), "sumologic.com"):
		return nil, errors.New("the URL is not https: it is the secret, and would go there in the clear")
	}
	return address, nil
}

var sumoFieldPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// checkFields refuses what would end a field, or the header, before its end.
func (c SumoLogicConfig) checkFields() (faults []error) {
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if !sumoFieldPattern.MatchString(name) {
			faults = append(faults, fmt.Errorf("%q is no name of a field: want letters, digits, _ and -", name))
			continue
		}
		value := c.Fields[name]
		if strings.TrimSpace(value) == "" || strings.ContainsAny(value, ",=") {
			faults = append(faults, fmt.Errorf("the field %s is empty, or holds a comma or an equals sign", name))
		}
		faults = append(faults, metadata([2]string{"field " + name, value})...)
	}
	return faults
}

// header is that of every request.
func (c SumoLogicConfig) header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}, "User-Agent": {"Curfew"}}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		fields = append(fields, name+"="+strings.TrimSpace(c.Fields[name]))
	}
	for name, value := range map[string]string{
		"X-Sumo-Category": c.Category, "X-Sumo-Name": c.SourceName, "X-Sumo-Host": c.Host, "X-Sumo-Fields": strings.Join(fields, ","),
	} {
		if value = strings.TrimSpace(value); value != "" {
			h.Set(name, value)
		}
	}
	return h
}

// sumoRedactor hides the URL's secret: its last part, however short, in every spelling
// that it has in a URL.
func sumoRedactor(address *url.URL) *connectors.Redactor {
	r := &connectors.Redactor{}
	r.Hide(path.Base(address.Path), path.Base(address.EscapedPath()))
	r.HideURL(address)
	return r
}
