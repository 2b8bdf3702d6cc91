package rota

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
)

// maxCalendar bounds a calendar, in bytes.
const maxCalendar = 8 << 20

var errCalendarTooLarge = fmt.Errorf("it has more than %d MiB", maxCalendar>>20)

// calendarFile is the path of a calendar in a file.
type calendarFile string

func (calendarFile) confirm() {}

func (p calendarFile) fetch(context.Context) ([]byte, error) {
	file, err := os.Open(filepath.Clean(string(p)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", string(p))
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxCalendar+1))
	if err == nil && len(raw) > maxCalendar {
		err = errCalendarTooLarge
	}
	return raw, err
}

const (
	calendarTimeout = 30 * time.Second
	maxValidator    = 1 << 10 // bytes of an ETag or a date; a longer one is not sent back
)

// calendarURL is a calendar that is served over HTTP.
type calendarURL struct {
	address *url.URL
	client  *connectors.Client
	headers http.Header
	redact  *connectors.Redactor

	came, confirmed validators
}

// validators tell a server which calendar is here already.
type validators struct{ etag, modified string }

func newCalendarURL(cfg CalendarConfig) (*calendarURL, error) {
	address, err := connectors.ParseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	u := &calendarURL{address: address, headers: http.Header{}, redact: &connectors.Redactor{}}
	u.redact.Cut(address.EscapedPath(), address.Path, address.RawQuery)
	u.redact.HideURL(address)
	var faults []error
	for name, value := range cfg.Headers {
		faults = append(faults, checkHeader(name, value))
		u.headers.Set(name, value)
		u.redact.Hide(value)
	}
	u.client = connectors.NewClient(connectors.Options{
		Timeout: calendarTimeout, MaxAnswer: maxCalendar + 1, Reach: connectors.ReachPrivate, Transport: cfg.Transport,
	})
	return u, errors.Join(faults...)
}

// checkHeader refuses what no header can hold, without saying what it holds.
func checkHeader(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }) {
		return fmt.Errorf("%q is not the name of a header", name)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("the header %s holds a character that a header can not hold", name)
	}
	return nil
}

func (u *calendarURL) fetch(ctx context.Context) ([]byte, error) {
	headers := u.headers.Clone()
	headers.Set("Accept", "text/calendar")
	headers.Set("User-Agent", "curfew")
	if u.confirmed.etag != "" {
		headers.Set("If-None-Match", u.confirmed.etag)
	}
	if u.confirmed.modified != "" {
		headers.Set("If-Modified-Since", u.confirmed.modified)
	}
	answer, err := u.client.Do(ctx, connectors.Request{Method: http.MethodGet, URL: u.address, Header: headers, Redact: u.redact})
	switch {
	case err != nil:
		return nil, err
	case answer.Status == http.StatusNotModified && u.confirmed != validators{}:
		return nil, nil
	case answer.Status != http.StatusOK:
		return nil, u.refused(answer)
	case len(answer.Body) > maxCalendar:
		return nil, errCalendarTooLarge
	case len(answer.Body) == 0:
		return nil, errors.New("the answer is empty")
	}
	u.came = validators{etag: validator(answer.Header.Get("ETag")), modified: validator(answer.Header.Get("Last-Modified"))}
	return answer.Body, nil
}

// confirm notes that what came last could be read.
func (u *calendarURL) confirm() { u.confirmed = u.came }

func validator(text string) string {
	if len(text) > maxValidator {
		return ""
	}
	return text
}

// refused is an answer without a calendar.
func (u *calendarURL) refused(answer connectors.Answer) error {
	text := strings.TrimSpace(strconv.Itoa(answer.Status) + " " + http.StatusText(answer.Status))
	where := u.address.Scheme + "://" + u.address.Host
	switch {
	case answer.Status/100 == 3:
		return fmt.Errorf("%s answered %s; redirects are not followed: name the place that it leads to", where, text)
	case answer.Detail != "":
		text += ": " + answer.Detail
	}
	return fmt.Errorf("%s answered %s", where, text)
}
