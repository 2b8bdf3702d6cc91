package trouble

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrPanic says that work panicked.
var ErrPanic = errors.New("panic")

// Caught does the work. A panic in it is an error, ErrPanic with its stack: one item
// must not take down the process that ends everybody's access.
func Caught(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanic, p, debug.Stack())
		}
	}()
	return work()
}
