package main

import (
	"errors"
	"fmt"
	"strings"
)

// faults collects what is wrong with a configuration, so that all of it is said
// at once, each with its place: "targets[0].webhook.url: …".
type faults []error

// add notes a fault at the place.
func (f *faults) add(place, format string, args ...any) {
	*f = append(*f, fmt.Errorf(place+": "+format, args...))
}

// take notes every fault that err is made of at the place.
func (f *faults) take(place string, err error) {
	for _, fault := range partsOf(err) {
		*f = append(*f, fmt.Errorf("%s: %w", place, fault))
	}
}

// partsOf takes a joined error apart; any other error is one part.
func partsOf(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || err.Error() != lines(joined.Unwrap()) {
		return []error{err}
	}
	var parts []error
	for _, e := range joined.Unwrap() {
		parts = append(parts, partsOf(e)...)
	}
	return parts
}

func lines(errs []error) string {
	text := make([]string, len(errs))
	for i, e := range errs {
		text[i] = e.Error()
	}
	return strings.Join(text, "\n")
}

// err is all faults as one error, or nil.
func (f faults) err() error { return errors.Join(f...) }

// takeAll notes every fault that err is made of.
func (f *faults) takeAll(err error) { *f = append(*f, partsOf(err)...) }
