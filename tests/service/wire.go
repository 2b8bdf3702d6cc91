package service

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// Exec runs SQL in a database of the server as its owner. It speaks just enough
// of the wire protocol for that, because the driver has another home.
func (s *PostgresServer) Exec(database, query string) error {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(conn)
	hello := "\x00\x03\x00\x00user\x00postgres\x00database\x00" + database + "\x00\x00"
	if err := send(conn, "", hello); err != nil {
		return err
	}
	if err := untilReady(r); err != nil {
		return err
	}
	if err := send(conn, "Q", query+"\x00"); err != nil {
		return err
	}
	if err := untilReady(r); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return send(conn, "X", "") // goodbye
}

func send(w io.Writer, kind, body string) error {
	packet := append([]byte(kind), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(packet[len(kind):], uint32(len(body)+4))
	_, err := w.Write(append(packet, body...))
	return err
}

// untilReady reads to the end of an answer and returns the error that it holds.
func untilReady(r *bufio.Reader) error {
	var said error
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if said != nil {
				return said // the server hung up after saying why
			}
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(r, body); err != nil {
			return err
		}
		switch head[0] {
		case 'Z':
			return said
		case 'E':
			said = fmt.Errorf("the server says: %s", message(body))
		}
	}
}

// message is the text for people in an answer that is an error.
func message(body []byte) []byte {
	for field := range bytes.SplitSeq(body, []byte{0}) {
		if text, ok := bytes.CutPrefix(field, []byte("M")); ok {
			return text
		}
	}
	return body
}
