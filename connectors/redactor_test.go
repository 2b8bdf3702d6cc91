package connectors_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/curfew-access/curfew/connectors"
)

func TestClean(t *testing.T) {
	const secret = "s3cr3t/value+with=signs"
	withheld := "(withheld: it repeats a secret)"
	cases := map[string]struct{ text, want string }{
		"harmless text stays":                     {"no such group", "no such group"},
		"nothing stays nothing":                   {"", ""},
		"a secret withholds all":                  {"got s3cr3t/value+with=signs", withheld},
		"eight bytes of a secret withhold all":    {"got s3cr3t/v…", withheld},
		"its end counts as its beginning does":    {"...th=signs", withheld},
		"case does not hide it":                   {"S3CR3T/VALUE", withheld},
		"an escape does not hide it":              {`s3cr3t\/value\u002bwith=signs`, withheld},
		"seven bytes are not enough to tell":      {"s3cr3t/", "s3cr3t/"},
		"a secret behind what is shown is found":  {strings.Repeat("x", 300) + secret, withheld},
		"a short secret is replaced":              {"the pin is 4711.", "the pin is ***."},
		"a place is replaced":                     {"404 /hook not found", "404 *** not found"},
		"a place inside a word is left":           {"webhook", "webhook"},
		"lines become one":                        {" a\r\n\tb  c ", "a b c"},
		"control characters become question mark": {"a\x00b\x1b[31mc", "a?b?[31mc"},
		"marks that turn text around too":         {"a\u202eb", "a?b"},
		"invalid UTF-8 too":                       {"a\xff\xfeb", "a?b"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := &connectors.Redactor{}
			r.Hide(secret, "4711", "")
			r.Cut("/hook", "")
			if got := r.Clean(c.text); got != c.want {
				t.Errorf("Clean(%q) = %q; want %q", c.text, got, c.want)
			}
		})
	}
}

func TestCloneDoesNotChangeItsOrigin(t *testing.T) {
	var origin connectors.Redactor
	copied := origin.Clone()
	copied.Hide("long-enough-secret", "pin")
	if got := origin.Clean("long-enough-secret pin"); got != "long-enough-secret pin" {
		t.Errorf("the origin hides %q too", got)
	}
	if got := copied.Clone().Clean("long-enough-secret"); strings.Contains(got, "enough") {
		t.Errorf("a clone's clone forgot: %q", got)
	}
}

func FuzzCleanIsShortPrintableAndSecretFree(f *testing.F) {
	for _, seed := range []string{"", "日本語", strings.Repeat("é", 400), "a secret-of-the-fuzz b", "\xf0\x9f", strings.Repeat("\n", 3000)} {
		f.Add(seed)
	}
	r := &connectors.Redactor{}
	r.Hide("secret-of-the-fuzz", "pin")
	f.Fuzz(func(t *testing.T, text string) {
		got := r.Clean(text)
		if len(got) > connectors.MaxPiece || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %t: %q", len(got), utf8.ValidString(got), got)
		}
		if strings.ContainsFunc(got, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("not printable: %q", got)
		}
		if strings.Contains(got, "secret-o") || strings.Contains(got, "pin") {
			t.Errorf("a secret in %q", got)
		}
	})
}
