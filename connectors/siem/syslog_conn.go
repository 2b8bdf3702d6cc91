package siem

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// How long a connection is looked at for a close by the other side: before and after a
// batch, and at most while one is on its way.
const (
	glance = 2 * time.Millisecond
	gaze   = 50 * time.Millisecond
)

// longAgo as a deadline ends what waits for a connection.
var longAgo = time.Unix(1, 0)

func (s *Syslog) dial(ctx context.Context) (net.Conn, error) {
	if !s.cfg.Insecure {
		return connectors.DialTLS(ctx, connectors.ReachPrivate, s.cfg.As, s.cfg.Address, s.cfg.ServerName)
	}
	conn, err := connectors.ReachPrivate.Dialer().DialContext(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return nil, err
	}
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		_ = conn.Close()
		return nil, fmt.Errorf("%s is not this machine: %w", s.cfg.Address, connectors.ErrAddressRefused)
	}
	return conn, nil
}

func (s *Syslog) close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.conn = nil
}

// Check connects, and says nothing.
func (s *Syslog) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return s.fault(err)
	}
	defer func() { _ = conn.Close() }()
	if err := stillOpen(conn, gaze); err != nil {
		return s.fault(err)
	}
	return nil
}

// Close closes the connection, if there is one. What comes later opens another.
func (s *Syslog) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
	return nil
}

// stillOpen reports why a connection is over, if the other side has said so. It has
// nothing else to say in this protocol, so that a read finds nothing, or the end.
func stillOpen(conn net.Conn, look time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(look)); err != nil {
		return err
	}
	for piece := make([]byte, 512); ; {
		_, err := conn.Read(piece)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return conn.SetReadDeadline(time.Time{})
		case errors.Is(err, io.EOF):
			return errors.New("the collector has closed the connection")
		case err != nil:
			return err
		}
	}
}

// drained waits until the other machine has acknowledged all that was written, and
// looks whether it closes meanwhile: what is never acknowledged is not told otherwise.
func drained(ctx context.Context, conn net.Conn) error {
	for look := glance; ; look = min(2*look, gaze) {
		if err := stillOpen(conn, look); err != nil {
			return err
		}
		left, err := unacknowledged(conn)
		if err != nil || left == 0 {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%d bytes are not acknowledged", left)
		}
	}
}

// why returns what the other side had to say when nothing could be written any more, if
// it had anything to say.
func why(conn net.Conn, err error) error {
	if said := stillOpen(conn, glance); refusedByAlert(said) {
		return said
	}
	return err
}

// fault says what an error means. A certificate that is not trusted, on either side, is
// for somebody to mend: trying again soon does not help.
func (s *Syslog) fault(err error) error {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) || refusedByAlert(err) || errors.Is(err, connectors.ErrAddressRefused) {
		err = access.Permanent(err)
	}
	return &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: fmt.Errorf("syslog at %s: %w", s.cfg.Address, err)}
}

// refusedByAlert reports whether the other side ended the handshake, or soon after it,
// with an alert: it does not want who calls.
func refusedByAlert(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "remote error"
}
