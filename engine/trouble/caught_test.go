package trouble_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/trouble"
)

func TestAPanicIsAnErrorWithItsStack(t *testing.T) {
	err := trouble.Caught(func() error { panic("planted") })
	if !errors.Is(err, trouble.ErrPanic) || !strings.Contains(err.Error(), "planted") || !strings.Contains(err.Error(), "caught_test.go") {
		t.Errorf("it is %v", err)
	}
	fault := errors.New("no")
	if err := trouble.Caught(func() error { return fault }); !errors.Is(err, fault) || errors.Is(err, trouble.ErrPanic) {
		t.Errorf("a fault is %v", err)
	}
}
