package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// formatNote is a signed checkpoint by itself.
const formatNote = "note"

// checkpointQuery reads how the checkpoint is wanted.
func checkpointQuery(in *incoming) (format string, err error) {
	values, err := in.query("format")
	if err != nil {
		return "", err
	}
	switch format = values.Get("format"); format {
	case "", formatJSON:
		return formatJSON, nil
	case formatNote:
		return formatNote, nil
	}
	return "", access.Invalid("invalid_format", "", "format is json or note, not %q", format)
}

// checkpoints fits the newest checkpoint to its reader and formats.
func checkpoints(read func(context.Context, engine.Call) (engine.AuditCheckpoint, error)) useCase[string, any] {
	return func(ctx context.Context, call engine.Call, format string) (any, error) {
		c, err := read(ctx, call)
		if err == nil && format == formatNote {
			return signedNote(c.Checkpoint), nil
		}
		return c, err
	}
}

// signedNote is answered byte for byte: its signatures are of its bytes.
type signedNote string

func (n signedNote) render(w http.ResponseWriter, status int) error { //nolint:unparam // renderer
	write(w, status, "text/plain; charset=utf-8", []byte(n))
	return nil
}

// proofAsked is which event is to be proved, in the tree of which size; 0: that of
// the newest checkpoint.
type proofAsked struct {
	id   string
	size int64
}

func proofQuery(in *incoming) (p proofAsked, err error) {
	values, err := in.query("size")
	if err != nil {
		return p, err
	}
	p.id = in.param("id")
	p.size, err = sizeOf(values, "size")
	return p, err
}

// sizeOf reads the size of a tree, 0 if there is none.
func sizeOf(values url.Values, name string) (int64, error) {
	text := values.Get(name)
	if text == "" {
		return 0, nil
	}
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 1 {
		return 0, access.Invalid("invalid_size", "", "%s is the size of a tree, from 1, not %q", name, text)
	}
	return size, nil
}

func proofs(prove func(context.Context, engine.Call, string, int64) (engine.AuditProof, error)) useCase[proofAsked, engine.AuditProof] {
	return func(ctx context.Context, call engine.Call, p proofAsked) (engine.AuditProof, error) {
		return prove(ctx, call, p.id, p.size)
	}
}

// sizes are those of two trees of one log.
type sizes struct{ from, to int64 }

func consistencyQuery(in *incoming) (s sizes, err error) {
	values, err := in.query("from", "to")
	if err != nil {
		return s, err
	}
	var faults [2]error
	s.from, faults[0] = sizeOf(values, "from")
	s.to, faults[1] = sizeOf(values, "to")
	if values.Get("from") == "" {
		faults[0] = access.Invalid("invalid_size", "", "from is missing; it is the size of the checkpoint that you have")
	}
	return s, errors.Join(faults[:]...)
}

func consistencies(
	prove func(context.Context, engine.Call, int64, int64) (engine.AuditConsistency, error),
) useCase[sizes, engine.AuditConsistency] {
	return func(ctx context.Context, call engine.Call, s sizes) (engine.AuditConsistency, error) {
		return prove(ctx, call, s.from, s.to)
	}
}

// nothing reads a GET that takes no parameters.
func nothing(in *incoming) (struct{}, error) {
	_, err := in.query()
	return struct{}{}, err
}

func auditKeys(
	list func(context.Context, engine.Call) (engine.Page[engine.AuditKey], error),
) useCase[struct{}, engine.Page[engine.AuditKey]] {
	return func(ctx context.Context, call engine.Call, _ struct{}) (engine.Page[engine.AuditKey], error) {
		return list(ctx, call)
	}
}
