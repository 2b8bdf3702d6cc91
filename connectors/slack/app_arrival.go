package slack

import (
	"context"
	"time"
)

// arrival is how a message came.
type arrival struct {
	at     time.Time // by the machine's clock, with its first byte
	source string    // address of the HTTP caller; "" by the socket
	hookID string    // for traces
}

type arrivalKey struct{}

// arriving returns a context of the message.
func arriving(ctx context.Context, a arrival) context.Context {
	return context.WithValue(ctx, arrivalKey{}, a)
}

// arrivalOf returns how the context's message came; one that did not come from
// outside came now.
func arrivalOf(ctx context.Context) arrival {
	if a, known := ctx.Value(arrivalKey{}).(arrival); known {
		return a
	}
	return arrival{at: time.Now()}
}
