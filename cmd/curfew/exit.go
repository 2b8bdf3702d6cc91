package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/curfew-access/curfew/cmd/curfew/client"
)

// The exit codes. They are part of the interface: scripts rely on them.
const (
	exitOK              = 0
	exitFailed          = 1 // anything that is not one of the others
	exitUsage           = 2 // the command line, or what it asks for, is wrong
	exitDenied          = 3 // policy said no
	exitNotFound        = 4
	exitConflict        = 5  // not in the state that this needs: someone else was first
	exitUnauthenticated = 6  // no token, or a wrong one
	exitUnreachable     = 7  // no gateway answered
	exitPending         = 8  // the request waits for a reviewer
	exitDiffers         = 9  // the file is not what the catalogue has
	exitUnproved        = 10 // audit events are not what was signed

	exitInterrupted = 130 // by a signal, before the answer came; a server that was stopped is done
)

const exitCodeHelp = `Exit codes:
  0  done                         5  conflict: someone else was first
  1  failed                       6  no token, or a wrong one
  2  wrong use or wrong input     7  no gateway answered
  3  policy said no               8  waits for a reviewer
  4  there is no such thing       9  the file and the catalogue differ
                                 10  audit events are not what was signed
                                130  interrupted
`

// ranError marks an error of a command that began. Every other error that cobra
// returns is a fault of the command line.
type ranError struct{ error }

func (r ranError) Unwrap() error { return r.error }

// exitError ends the program with a code. What is to be said of it has been said when
// text is empty.
type exitError struct {
	code int
	text string
}

func (e exitError) Error() string { return e.text }

func usage(format string, args ...any) error {
	return exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// codeOf is the exit code of an error.
func codeOf(err error) int {
	var problem *client.AnswerError
	switch e := (exitError{}); {
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &problem):
		return codeOfStatus(problem.Status)
	case errors.Is(err, client.ErrUnreachable):
		return exitUnreachable
	case !errors.As(err, &ranError{}):
		return exitUsage
	}
	return exitFailed
}

func codeOfStatus(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return exitUsage
	case http.StatusUnauthorized:
		return exitUnauthenticated
	case http.StatusForbidden:
		return exitDenied
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusConflict:
		return exitConflict
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return exitUnreachable
	}
	return exitFailed
}

// explain is what a person is told of an error, with the fix where there is one;
// "" when all has been said.
func explain(err error) string {
	if err.Error() == "" {
		return ""
	}
	text := "curfew: " + clean(err.Error())
	switch codeOf(err) {
	case exitUnauthenticated:
		text += "\nSet CURFEW_TOKEN, or give --token-file, with a token that the gateway's auth.tokens lists."
	case exitUnreachable:
		text += "\nIs the gateway running there? Set CURFEW_URL or --url to its address."
	case exitUsage:
		if !errors.As(err, &ranError{}) {
			text += "\nSee 'curfew help', or --help after any command."
		}
	}
	return text
}
