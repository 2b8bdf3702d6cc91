package facts

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/curfew-access/curfew/engine/trouble"
)

type answer[T any] struct {
	value T
	err   error
}

// pending is a question that has been put to a source. It has room for the
// answer, so that a source which answers when nobody waits any more is not held
// up: the answer is dropped with the channel.
type pending[T any] chan answer[T]

// ask puts a question in the background. A panic is an error like others.
func ask[T any](question func() (T, error)) pending[T] {
	p := make(pending[T], 1)
	go func() {
		var a answer[T]
		defer func() { p <- a }()
		a.err = trouble.Caught(func() (err error) {
			a.value, err = question()
			return err
		})
	}()
	return p
}

// settle returns the answer, or the zero T if there is none by the end of ctx or
// it is an error; then it says so in the log.
func (p pending[T]) settle(ctx context.Context, log *slog.Logger, source string) T {
	a := p.wait(ctx)
	if a.err != nil {
		log.WarnContext(ctx, "a source of facts failed; what it knows counts as not known", "source", source, "error", a.err)
		return *new(T)
	}
	return a.value
}

func (p pending[T]) wait(ctx context.Context) answer[T] {
	select {
	case a := <-p:
		return a
	case <-ctx.Done():
	}
	select {
	case a := <-p: // it came in time, while another source was waited for
		return a
	default:
		return answer[T]{err: fmt.Errorf("no answer: %w", ctx.Err())}
	}
}
