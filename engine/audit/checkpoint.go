package audit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint commits to everything that was sealed up to its size. Signed, it is a
// note of the C2SP checkpoint format (c2sp.org/tlog-checkpoint): the origin, the
// size, the root in base64, and one extension line, the time.
type Checkpoint struct {
	Origin string    // names the log; the name of its key
	Size   int64     // how many events
	Root   Hash      // of the RFC 6962 tree of that size
	Time   time.Time // when it was signed, by the ledger's clock; zero when the note does not say
}

// timeLine is how the extension line with the time begins.
const timeLine = "time "

// Text is what is signed.
func (c Checkpoint) Text() string {
	text := fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	if !c.Time.IsZero() {
		text += timeLine + c.Time.UTC().Format(time.RFC3339Nano) + "\n"
	}
	return text
}

// parseCheckpoint reads what Text wrote. Extension lines that it does not know are
// passed over, as the format wants it.
func parseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || lines[0] == "" {
		return c, errors.New("a checkpoint has an origin, a size and a root")
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, fmt.Errorf("%q is not the size of a tree", lines[1])
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return c, fmt.Errorf("%q is not the root of a tree", lines[2])
	}
	for _, line := range lines[3:] {
		at, is := strings.CutPrefix(line, timeLine)
		if !is {
			continue
		}
		if c.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return c, fmt.Errorf("%q is not a time", at)
		}
	}
	return c, nil
}

// Keys sign checkpoints. The first is the one in use; the others sign as well while
// keys are changed over, for those who know only them.
type Keys struct {
	signers   []note.Signer
	texts     []string        // the encodings of their verifiers, in the same order
	verifiers []note.Verifier // theirs, and those of keys from before that sign no more
}

// Origin names the log: it is the name of the first key. The others have the same.
func (k *Keys) Origin() string { return k.signers[0].Name() }

// Verifiers are the encoded verifier keys, that of the key in use first: what is
// given to those who are to check.
func (k *Keys) Verifiers() []string { return append([]string(nil), k.texts...) }

// Sign signs a checkpoint with every key. Its origin is that of the keys.
func (k *Keys) Sign(c Checkpoint) (string, error) {
	c.Origin = k.Origin()
	signed, err := note.Sign(&note.Note{Text: c.Text()}, k.signers...)
	if err != nil {
		return "", fmt.Errorf("sign a checkpoint: %w", err)
	}
	return string(signed), nil
}

// Open reads a checkpoint that one of these keys signed.
func (k *Keys) Open(signed string) (Checkpoint, error) { return open(signed, k.verifiers) }

// OpenCheckpoint reads a checkpoint that one of the encoded verifier keys signed. One
// that none of them signed is an error that says so.
func OpenCheckpoint(signed string, verifiers ...string) (Checkpoint, error) {
	var list []note.Verifier
	for i, text := range verifiers {
		if slices.Contains(verifiers[:i], text) { // a key that is there twice opens nothing
			continue
		}
		v, err := note.NewVerifier(text)
		if err != nil {
			return Checkpoint{}, fmt.Errorf("%q is not a verifier key such as curfew audit key prints it: %w", text, err)
		}
		list = append(list, v)
	}
	return open(signed, list)
}

func open(signed string, verifiers []note.Verifier) (Checkpoint, error) {
	n, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	var unknown *note.UnverifiedNoteError
	if errors.As(err, &unknown) {
		return Checkpoint{}, ErrUnknownKey
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", errForged, err)
	}
	c, err := parseCheckpoint(n.Text)
	if err == nil && c.Origin != n.Sigs[0].Name {
		err = fmt.Errorf("the checkpoint is of %q, and signed as %q", c.Origin, n.Sigs[0].Name)
	}
	return c, err
}

// ErrUnknownKey says that a checkpoint is signed by none of the keys that are trusted.
var ErrUnknownKey = errors.New("the checkpoint is signed by none of the keys that are trusted")

// SizeOf reads the size that a signed note says, whoever signed it.
func SizeOf(signed string) (int64, error) {
	text, _, found := strings.Cut(signed, "\n\n")
	if !found {
		return 0, errors.New("this is not a signed checkpoint")
	}
	c, err := parseCheckpoint(text + "\n")
	return c.Size, err
}

// errForged says that a checkpoint is not the one that its key signed.
var errForged = errors.New("the checkpoint is not what was signed")
