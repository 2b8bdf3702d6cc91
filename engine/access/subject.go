package access

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TypeUser is the type of a Subject that is a person. Its id is a verified
// email address in lower case.
const TypeUser = "user"

// Subject is who acts, as in AuthZEN: a person, a service, a machine.
type Subject struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Action is what is done, as in AuthZEN.
type Action struct {
	Name string `json:"name"`
}

// ResourceRef names a resource, as in AuthZEN, without its facts.
type ResourceRef struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// String renders "user:alice@example.com".
func (s Subject) String() string { return s.Type + ":" + s.ID }

// String renders "customer:acme".
func (r ResourceRef) String() string { return r.Type + ":" + r.ID }

var (
	typePattern   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	actionPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.:/-]{0,63}$`)
)

// MaxIDLength bounds the id of a subject or a resource, in bytes.
const MaxIDLength = 256

// ParseSubject reads "user:alice@example.com" and makes it canonical.
func ParseSubject(text string) (Subject, error) {
	typ, id, found := strings.Cut(text, ":")
	if !found {
		return Subject{}, Invalid("invalid_subject", "", "%q is not <type>:<id>, such as user:alice@example.com", text)
	}
	return Subject{Type: typ, ID: id}.Canonical()
}

// Canonical returns the subject as every edge must make it before use: a
// user's id is an email address, lower-cased. It reports ErrInvalid otherwise.
func (s Subject) Canonical() (Subject, error) {
	if !typePattern.MatchString(s.Type) {
		return Subject{}, Invalid("invalid_subject", "/subject/type", "%q is not a type: want lower-case letters, digits, - or _, 32 at most", s.Type)
	}
	if s.Type == "group" { // reviewers are listed as group:<name> beside subjects
		return Subject{}, Invalid("invalid_subject", "/subject/type", "a group is not a subject")
	}
	if err := checkID("invalid_subject", "/subject/id", s.ID); err != nil {
		return Subject{}, err
	}
	if s.Type != TypeUser {
		return s, nil
	}
	if strings.ContainsFunc(s.ID, func(r rune) bool { return r > unicode.MaxASCII }) { // some fold into ASCII letters
		return Subject{}, Invalid("invalid_subject", "/subject/id", "%q is not an ASCII email address, which the id of a user must be", s.ID)
	}
	s.ID = strings.ToLower(s.ID)
	if addr, err := mail.ParseAddress(s.ID); err != nil || addr.Address != s.ID {
		return Subject{}, Invalid("invalid_subject", "/subject/id", "%q is not an email address, which the id of a user must be", s.ID)
	}
	return s, nil
}

// Validate reports ErrInvalid unless the action has a name of letters, digits
// and _.:/- that begins with a letter, 64 characters at most.
func (a Action) Validate() error {
	if !actionPattern.MatchString(a.Name) {
		return Invalid("invalid_action", "/action/name", "%q is not the name of an action: want a letter and then letters, digits or _.:/-, 64 at most", a.Name)
	}
	return nil
}

// Validate reports ErrInvalid unless type and id are well-formed.
func (r ResourceRef) Validate() error {
	if !typePattern.MatchString(r.Type) {
		return Invalid("invalid_resource", "/resource/type", "%q is not a type: want lower-case letters, digits, - or _, 32 at most", r.Type)
	}
	return checkID("invalid_resource", "/resource/id", r.ID)
}

func checkID(code, field, id string) error {
	switch {
	case id == "":
		return Invalid(code, field, "it is empty")
	case len(id) > MaxIDLength:
		return Invalid(code, field, "it has %d bytes; %d are allowed", len(id), MaxIDLength)
	case !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }):
		return Invalid(code, field, "it holds a character that can not be printed")
	case strings.TrimSpace(id) != id:
		return Invalid(code, field, "it begins or ends with a space")
	}
	return nil
}
