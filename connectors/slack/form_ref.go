package slack

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// valueNone is the value of an option that is no choice.
	valueNone = "none"
	// shortened begins a value that is not the whole name of a resource. No type
	// begins so.
	shortened = "~"
	// shortHead is how much of the name such a value keeps, to look for it by.
	shortHead = 100
	// manyMatches bounds how many resources are looked through for one: more than
	// are shown, since what is meant need not come first.
	manyMatches = 1000
)

// refValue names a resource in the value of an option. A name that is too long
// for one is told by its digest.
func refValue(r access.ResourceRef) string {
	name := r.String()
	if len(name) <= maxOptionValue {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%s%x%s%s", shortened, sum[:12], shortened, strings.ToValidUTF8(name[:shortHead], ""))
}

// refOf is the resource that a value names.
func (a *App) refOf(ctx context.Context, who Caller, value string) (access.ResourceRef, error) {
	switch value {
	case "":
		return access.ResourceRef{}, access.Invalid("resource_required", "/resource", "Choose a resource.")
	case valueNone:
		return access.ResourceRef{}, access.Invalid("resource_required", "/resource", "That is no resource. Type again, and choose one.")
	}
	if ref := splitRef(value); !strings.HasPrefix(value, shortened) {
		return ref, nil
	}
	_, head, _ := strings.Cut(strings.TrimPrefix(value, shortened), shortened)
	list, err := a.cfg.Desk.Resources(ctx, who, splitRef(head).ID, manyMatches)
	if err != nil {
		return access.ResourceRef{}, err
	}
	for _, r := range list {
		if refValue(r.Ref()) == value {
			return r.Ref(), nil
		}
	}
	return access.ResourceRef{}, access.Invalid("unknown_resource", "/resource", "This resource left the catalogue. Choose another.")
}

// splitRef reads "customer:acme"; the type is "" if there is none.
func splitRef(text string) access.ResourceRef {
	typ, id, found := strings.Cut(text, ":")
	if !found {
		return access.ResourceRef{ID: text}
	}
	return access.ResourceRef{Type: typ, ID: id}
}

// resourceOption offers a resource by its name, and says which it is.
func resourceOption(r access.Resource) *slackapi.OptionBlockObject {
	ref := r.Ref().String()
	if strings.TrimSpace(r.Name) == "" {
		return option(refValue(r.Ref()), ref)
	}
	o := option(refValue(r.Ref()), r.Name)
	o.Description = plain(ref, maxOption)
	return o
}

func option(value, text string) *slackapi.OptionBlockObject {
	return slackapi.NewOptionBlockObject(value, plain(text, maxOption), nil)
}
