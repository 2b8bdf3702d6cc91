package siem

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// syslogTimeout bounds a batch, its connection included.
const syslogTimeout = 30 * time.Second

// The bounds of what names a sender (RFC 5424, 6.2.4 and 6.2.5).
const (
	maxSyslogHost = 255
	maxSyslogApp  = 48
)

// SyslogConfig is a collector that takes audit events over TLS, as RFC 5425 says.
type SyslogConfig struct {
	Address    string // host:port; its port is 6514 as a rule
	ServerName string // that the collector must prove to have; "": the host of Address
	Facility   string // a name or a number; "": audit, 13
	AppName    string // "": curfew
	Host       string // that messages are from; "": this machine's
	Enterprise int    // the private enterprise number of structured data; 0: the one for examples
	ASCII      bool   // the JSON escapes what is beyond ASCII, and is not marked as UTF-8
	Insecure   bool   // TCP without TLS; to this machine only
	Timeout    time.Duration

	// As are what the connection is made with; nil: nobody says who calls, and whom
	// the machine trusts is trusted.
	As *connectors.Credentials `json:"-"`
}

// Syslog sends audit events to a collector, over one connection. A connection over TCP
// has no acknowledgement by who reads it: see Send.
type Syslog struct {
	cfg  SyslogConfig
	form syslogForm

	mu   sync.Mutex
	conn net.Conn // nil: none
}

// NewSyslog returns the sink, or every fault of its configuration. Nothing is dialled
// yet.
func NewSyslog(cfg SyslogConfig) (*Syslog, error) {
	facility, facilityErr := parseFacility(cfg.Facility)
	host, addressErr := cfg.checkAddress()
	err := errors.Join(addressErr, facilityErr, cfg.checkNames(), cfg.checkTLS(host))
	if err != nil {
		return nil, err
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	if cfg.Host == "" {
		cfg.Host, _ = os.Hostname() // none is "-"
	}
	if cfg.AppName == "" {
		cfg.AppName = "curfew"
	}
	if cfg.Enterprise == 0 {
		cfg.Enterprise = documentationPEN
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = syslogTimeout
	}
	return &Syslog{cfg: cfg, form: syslogForm{
		facility: facility,
		host:     printableASCII(cfg.Host, maxSyslogHost),
		app:      cfg.AppName,
		element:  "curfew@" + strconv.Itoa(cfg.Enterprise),
		ascii:    cfg.ASCII,
	}}, nil
}

func parseFacility(text string) (int, error) {
	if text == "" {
		text = "audit"
	}
	if n, known := syslogFacilities[text]; known {
		return n, nil
	}
	if n, err := strconv.ParseUint(text, 10, 8); err == nil && n <= 23 {
		return int(n), nil
	}
	return 0, fmt.Errorf("%q is no facility; want a number to 23, or a name such as audit, auth or local0", text)
}

func (c SyslogConfig) checkAddress() (host string, err error) {
	host, port, err := net.SplitHostPort(c.Address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || host == "" {
		return "", fmt.Errorf("the address %q is not <host>:<port>, such as logs.example.com:6514", c.Address)
	}
	return host, nil
}

func (c SyslogConfig) checkNames() error {
	var faults []error
	for _, n := range []struct {
		what, text string
		most       int
	}{{"app_name", c.AppName, maxSyslogApp}, {"host", c.Host, maxSyslogHost}} {
		if n.text != "" && n.text != printableASCII(n.text, n.most) {
			faults = append(faults, fmt.Errorf("the %s is not printable ASCII without blanks, at most %d bytes", n.what, n.most))
		}
	}
	if c.Enterprise < 0 {
		faults = append(faults, fmt.Errorf("%d is no private enterprise number", c.Enterprise))
	}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("the timeout %s is less than nothing", c.Timeout))
	}
	return errors.Join(faults...)
}

// checkTLS refuses to send in clear what is not to leave the machine in clear.
func (c SyslogConfig) checkTLS(host string) error {
	switch {
	case !c.Insecure:
		return nil
	case c.As != nil || c.ServerName != "":
		return errors.New("it is insecure and has TLS; want one of the two")
	case host != "" && !isLoopback(host):
		return errors.New("without TLS it goes to this machine only: 127.0.0.1, ::1 or localhost")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Format prints where it is.
func (s *Syslog) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "syslog sink %s", s.cfg.Address) }

// Send writes the records and waits until the collector's machine has acknowledged every
// byte. That the collector itself has read them is said by nobody: what it had not read
// when it died is lost to it, unless it closed the connection before Send returned, for
// then all of them are sent again.
func (s *Syslog) Send(ctx context.Context, records []access.AuditRecord) (string, error) {
	var frames []byte
	for i, record := range records {
		frame, err := s.form.frame(record)
		if err != nil {
			return "", &access.RejectedError{Index: i, Reason: err.Error()}
		}
		frames = append(frames, frame...)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.write(ctx, frames)
	if err == nil {
		return "", nil
	}
	s.close() // what of the batch arrived is not known, so nothing can follow it here
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return "", s.fault(err)
}

func (s *Syslog) write(ctx context.Context, frames []byte) error {
	if s.conn != nil && stillOpen(s.conn, glance) != nil {
		s.close() // it restarted, or was idle for too long: the next one may do
	}
	if s.conn == nil {
		conn, err := s.dial(ctx)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	conn := s.conn
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(longAgo) })()
	if _, err := conn.Write(frames); err != nil {
		return why(conn, err)
	}
	return drained(ctx, conn)
}
