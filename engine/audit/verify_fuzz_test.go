package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/audit"
)

// exportSize is how many events the exports have that are changed at random.
const exportSize = 40

// changed makes as many changes to the lines as it is told.
func changed(random *rand.Rand, lines, foreign []string, changes int) []string {
	lines = slices.Clone(lines)
	for range changes {
		at, to := random.IntN(len(lines)+1), random.IntN(len(lines)+1)
		switch kind := random.IntN(7); {
		case kind == 0 && at < len(lines):
			raw := []byte(lines[at])
			raw[random.IntN(len(raw)-1)] ^= 0x10 // of ASCII this makes no line end
			lines[at] = string(raw)
		case kind == 1 && at < len(lines):
			lines = slices.Delete(lines, at, min(len(lines), at+1+random.IntN(4)))
		case kind == 2:
			lines = slices.Insert(lines, at, foreign[random.IntN(len(foreign))])
		case kind == 3 && to < len(lines):
			lines = slices.Insert(lines, at, lines[to])
		case kind == 4 && at < len(lines) && to < len(lines):
			lines[at], lines[to] = lines[to], lines[at]
		case kind == 5 && at < len(lines):
			moved := lines[at]
			lines = slices.Delete(lines, at, at+1)
			lines = slices.Insert(lines, min(to, len(lines)), moved)
		case kind == 6:
			lines = lines[:at]
		}
		if len(lines) == 0 {
			return lines
		}
	}
	return lines
}

// expected is what is to be found, by looking at all lines at once: the kind, and
// how many events are as they were.
func expected(want, got []string) (kind string, same int) {
	for same < len(want) && same < len(got) && want[same] == got[same] {
		same++
	}
	switch {
	case same == len(want) && same == len(got):
		return "", same
	case same == len(got):
		return audit.FoundCutOff, same
	}
	belongs, rest := slices.Index(want, got[same]), got[same+1:]
	switch {
	case same == len(want) && belongs < 0:
		return audit.FoundInserted, same
	case same == len(want):
		return audit.FoundRepeated, same
	case !slices.Contains(rest, want[same]) && belongs >= 0:
		return audit.FoundRemoved, same
	case !slices.Contains(rest, want[same]) && len(rest) == 0 && same < len(want)-1:
		return audit.FoundCutOff, same
	case !slices.Contains(rest, want[same]):
		return audit.FoundEdited, same
	case belongs < 0:
		return audit.FoundInserted, same
	case belongs < same || slices.Contains(rest, got[same]):
		return audit.FoundRepeated, same
	}
	return audit.FoundReordered, same
}

func changesAreFound(t *testing.T, x *taken, whole, foreign []string, seed uint64, changes int) {
	t.Helper()
	x.lines = changed(rand.New(rand.NewPCG(seed, 0)), whole, foreign, changes)
	kind, same := expected(whole, x.lines)
	report := x.verify(t)
	if kind == "" {
		if !report.Verified {
			t.Fatalf("seed %d with %d changes, which change nothing: %+v", seed, changes, report)
		}
		return
	}
	if report.Verified || len(report.Findings) != 1 || report.Events != int64(same) {
		t.Fatalf("seed %d with %d changes: got %+v, want %s behind %d", seed, changes, report, kind, same)
	}
	if got := report.Findings[0]; got.Kind != kind || got.Seq != x.after+int64(same)+1 {
		t.Fatalf("seed %d with %d changes: got %+v, want %s of %d", seed, changes, got, kind, x.after+int64(same)+1)
	}
}

func exportToChange(t testing.TB) (x *taken, whole, foreign []string) {
	t.Helper()
	log := logOf(t, exportSize+20)
	x = take(t, audit.FormatNDJSON, log, 5, 5+exportSize, 7, 20)
	for _, canonical := range log[exportSize+10:] {
		foreign = append(foreign, string(canonical)+"\n")
	}
	return x, slices.Clone(x.lines), foreign
}

func TestWhateverIsChangedTheFirstOfItIsFound(t *testing.T) {
	t.Parallel()
	x, whole, foreign := exportToChange(t)
	for seed := range uint64(1500) {
		changesAreFound(t, x, whole, foreign, seed, 1+int(seed%4))
	}
}

func FuzzVerify(f *testing.F) {
	x, whole, foreign := exportToChange(f)
	for seed := range uint64(20) {
		f.Add(seed, uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, changes uint8) {
		changesAreFound(t, x, whole, foreign, seed, int(changes%8))
	})
}

// Whatever bytes are in the file, they are told from those that were signed.
func FuzzVerifyBytes(f *testing.F) {
	x, _, _ := exportToChange(f)
	good, proof := x.file(), string(x.proof(f))
	f.Add(uint(3), []byte("x"), uint(1))
	f.Add(uint(0), []byte("\n"), uint(0))
	f.Fuzz(func(t *testing.T, at uint, put []byte, cut uint) {
		begin := int(at % uint(len(good)))
		end := begin + int(cut%uint(len(good)-begin+1))
		edited := good[:begin] + string(put) + good[end:]
		report, err := audit.Verify(strings.NewReader(edited), x.format, strings.NewReader(proof), audit.Trust{Keys: []string{x.verifier}})
		same := strings.TrimSuffix(strings.ReplaceAll(edited, "\r\n", "\n"), "\n") == strings.TrimSuffix(good, "\n") // how lines end is nothing that is signed
		if err != nil || report.Verified != same {
			t.Fatal(fmt.Sprintf("%d to %d is %q: ", begin, end, put), report, err)
		}
	})
}
