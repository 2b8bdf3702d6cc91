package connectorsuite

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// hang answers when the caller has left.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// drip answers with the status, and then a byte a second for ever.
func drip(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		for {
			_, err := w.Write([]byte("."))
			if err == nil {
				err = http.NewResponseController(w).Flush()
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
			}
			if err != nil {
				return
			}
		}
	}
}

// switchAndHang switches protocols and keeps the connection until the caller does
// not.
func switchAndHang(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}

// bodyPatience is how long a connector may wait for a body: what counts, the status,
// came before it.
const bodyPatience = 3 * time.Second

func testContext(t *testing.T, factory Factory) {
	tries := 0
	oneThenHang := func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		hang(w, r)
	}
	cases := map[string]struct {
		target    http.HandlerFunc
		caller    func(context.Context) (context.Context, context.CancelFunc)
		within    time.Duration
		status    int // 0: unreachable
		cause     error
		confirmed bool
	}{
		"a target that hangs costs the deadline":  {target: hang, within: Timeout, cause: context.DeadlineExceeded},
		"the caller's deadline is kept":           {target: hang, caller: deadline(2 * time.Second), within: 2 * time.Second, cause: context.DeadlineExceeded},
		"the caller leaves":                       {target: hang, caller: leave(time.Second), within: time.Second, cause: context.Canceled},
		"the caller has left before":              {target: hang, caller: leave(0), cause: context.Canceled},
		"a refusal and then silence is no answer": {target: oneThenHang, within: Timeout, cause: context.DeadlineExceeded},
		"the caller leaves in the silence after a refusal": {
			target: oneThenHang, caller: leave(5 * time.Second), within: 5 * time.Second, cause: context.Canceled},
		"a refusal that drips is not waited for": {
			target: drip(http.StatusTeapot), within: bodyPatience, status: http.StatusTeapot},
		"a switch of protocols is not waited for": {target: switchAndHang, status: http.StatusSwitchingProtocols},
		"a short fault that drips costs the deadline at most": {
			target: drip(http.StatusBadGateway), within: Timeout, status: http.StatusBadGateway},
		"a 2xx confirms though its body never ends": {
			target: drip(http.StatusOK), within: bodyPatience, status: http.StatusOK, confirmed: true},
		"the caller leaves in the pause after an answer": {
			target: answer(http.StatusServiceUnavailable), caller: leave(time.Millisecond), within: time.Millisecond, status: http.StatusServiceUnavailable},
		"a deadline too near for a pause ends the attempt with the answer": {
			target: answer(http.StatusServiceUnavailable), caller: deadline(10 * time.Millisecond), status: http.StatusServiceUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inBubble(t, factory, c.target, func(t *testing.T, s *scene) {
				ctx := t.Context()
				if c.caller != nil {
					var cancel context.CancelFunc
					ctx, cancel = c.caller(ctx)
					defer cancel()
				}
				start := time.Now()
				receipt, err := s.connector.Deliver(ctx, message())
				if took := time.Since(start); took > c.within {
					t.Errorf("it took %s; want %s at most", took, c.within)
				}
				switch {
				case c.confirmed:
					checkConfirmed(t, receipt, err, c.status, 1)
				case c.status != 0:
					checkRefused(t, err, c.status)
				default:
					checkClass(t, err, access.ClassUnreachable)
					if !errors.Is(err, c.cause) || access.IsPermanent(err) {
						t.Errorf("error = %v; want a temporary one with the cause %v", err, c.cause)
					}
				}
			})
		})
	}
	t.Run("the deadline is the configured one", func(t *testing.T) {
		inBubble(t, factory, hang, func(t *testing.T, s *scene) {
			if got := s.connector.Deadline(); got != Timeout {
				t.Errorf("Deadline = %s; want %s", got, Timeout)
			}
		})
	})
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func deadline(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

func leave(after time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		if after == 0 {
			cancel()
			return ctx, cancel
		}
		time.AfterFunc(after, cancel)
		return ctx, cancel
	}
}
