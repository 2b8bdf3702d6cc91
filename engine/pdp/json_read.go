package pdp

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// maxNesting bounds how deep an input may be nested: the evaluator recurses.
const maxNesting = 128

// parseJSON reads one JSON value straight into the evaluator's own terms, which
// takes a third of the time of the way through Go's values. It is strict: UTF-8,
// no member twice, nothing after the value.
func parseJSON(text []byte) (ast.Value, error) { return parseInto(&slab{}, text) }

// parseInto is parseJSON with terms of a slab that others share.
func parseInto(terms *slab, text []byte) (ast.Value, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	p := &parser{slab: terms, text: string(text)}
	term, err := p.value(0)
	if err == nil && p.next() != 0 {
		err = errors.New("something follows the value")
	}
	if err != nil {
		return nil, fmt.Errorf("byte %d: %w", p.at, err)
	}
	return term.Value, nil
}

// parser is where in a text the reading is. Texts and numbers are parts of the
// whole text, and terms of slabs: a third of the allocations.
type parser struct {
	*slab
	text  string
	at    int
	pairs [][2]*ast.Term // of the objects that are being read, the inner ones last
}

var (
	errUnfinished = errors.New("the text ends within a value")
	errNoValue    = errors.New("no JSON value begins here")
	errNesting    = fmt.Errorf("it is nested deeper than %d", maxNesting)
)

// next is the byte that the next token begins with; 0 at the end. A zero byte is
// no token's beginning.
func (p *parser) next() byte {
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case ' ', '\t', '\n', '\r':
		case 0:
			return 1
		default:
			return c
		}
	}
	return 0
}

func (p *parser) value(depth int) (*ast.Term, error) {
	if depth > maxNesting {
		return nil, errNesting
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		text, err := p.string()
		if err != nil {
			return nil, err
		}
		return p.term(ast.String(text)), nil
	case c == '-' || isDigit(c):
		return p.number()
	case c == 't':
		return p.word("true", ast.InternedTerm(true))
	case c == 'f':
		return p.word("false", ast.InternedTerm(false))
	case c == 'n':
		return p.word("null", ast.InternedNullTerm)
	case c == 0:
		return nil, errUnfinished
	}
	return nil, errNoValue
}

func (p *parser) word(word string, term *ast.Term) (*ast.Term, error) {
	end := p.at + len(word)
	if end > len(p.text) || p.text[p.at:end] != word {
		return nil, errNoValue
	}
	p.at = end
	return term, nil
}

func (p *parser) object(depth int) (*ast.Term, error) {
	begin := len(p.pairs)
	p.at++ // the brace
	if p.next() == '}' {
		p.at++
		return ast.InternedEmptyObject, nil
	}
	for {
		if p.next() != '"' {
			return nil, errors.New("want the name of a member")
		}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if p.next() != ':' {
			return nil, errors.New("want a colon")
		}
		p.at++
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		p.pairs = append(p.pairs, [2]*ast.Term{p.name(name), value})
		more, err := p.more('}')
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	pairs := p.pairs[begin:]
	p.pairs = p.pairs[:begin]
	if at := twice(pairs); at >= 0 {
		return nil, fmt.Errorf("the member %s is there twice", pairs[at][0])
	}
	return p.term(ast.NewObject(pairs...)), nil
}

// few is up to how many members each is compared with each: most objects have
// fewer, and a set would cost more.
const few = 12

// twice returns where a name is for the second time, or less than zero.
func twice(pairs [][2]*ast.Term) int {
	name := func(i int) ast.String {
		s, _ := pairs[i][0].Value.(ast.String)
		return s
	}
	if len(pairs) <= few {
		for i := range pairs {
			for j := range i {
				if name(i) == name(j) {
					return i
				}
			}
		}
		return -1
	}
	seen := make(map[ast.String]struct{}, len(pairs))
	for i := range pairs {
		if _, known := seen[name(i)]; known {
			return i
		}
		seen[name(i)] = struct{}{}
	}
	return -1
}

func (p *parser) array(depth int) (*ast.Term, error) {
	items := make([]*ast.Term, 0, 4)
	p.at++ // the bracket
	if p.next() == ']' {
		p.at++
		return ast.InternedEmptyArray, nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		more, err := p.more(']')
		if err != nil {
			return nil, err
		}
		if !more {
			return p.term(ast.NewArray(items...)), nil
		}
	}
}

// more reads a comma, or the end.
func (p *parser) more(end byte) (bool, error) {
	switch c := p.next(); c {
	case ',':
		p.at++
		return true, nil
	case end:
		p.at++
		return false, nil
	case 0:
		return false, errUnfinished
	}
	return false, fmt.Errorf("want a comma or %q", end)
}

// string reads a string. One without an escape is taken as it is.
func (p *parser) string() (string, error) {
	from := p.at
	escaped := false
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			if !escaped {
				return p.text[from+1 : p.at-1], nil
			}
			return unescaped(p.text[from:p.at])
		case c == '\\':
			escaped = true
			p.at++
		case c < ' ':
			return "", errors.New("a control character within a string")
		}
	}
	return "", errUnfinished
}

// unescaped reads a quoted string that has escapes. Half of a surrogate pair is
// no character, though the standard library would make one of it.
func unescaped(quoted string) (text string, err error) {
	if err := json.Unmarshal([]byte(quoted), &text); err != nil {
		return "", errors.New("an escape that is none")
	}
	if halfPair(quoted) {
		return "", errors.New("half of a surrogate pair")
	}
	return text, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// number reads a number as it is written: no digit of it is lost.
func (p *parser) number() (*ast.Term, error) {
	from := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if !isDigit(c) && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		p.at++
	}
	text := p.text[from:p.at]
	if !isNumber(text) {
		return nil, errors.New("a number that is none")
	}
	if len(text) > maxDigits {
		return nil, fmt.Errorf("a number of more than %d characters", maxDigits)
	}
	number, err := ast.NumberChecked(text)
	if err != nil {
		return nil, errors.New("a number that is too large, or too near to nothing")
	}
	return p.term(number), nil
}

// maxDigits bounds a number as it is written, and the evaluator bounds its
// exponent: arithmetic with one takes as long as its digits are, written out, and
// does not hear that its time is over.
const maxDigits = 400

// isNumber reports whether the text is a number of RFC 8259.
func isNumber(text string) bool {
	digits := func() bool {
		n := 0
		for n < len(text) && isDigit(text[n]) {
			n++
		}
		text = text[n:]
		return n > 0
	}
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	leading := len(text) > 0 && text[0] == '0'
	before := len(text)
	if !digits() || leading && before-len(text) > 1 {
		return false
	}
	if len(text) > 0 && text[0] == '.' {
		text = text[1:]
		if !digits() {
			return false
		}
	}
	if len(text) > 0 && (text[0] == 'e' || text[0] == 'E') {
		text = text[1:]
		if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
			text = text[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(text) == 0
}

// halfPair reports whether a quoted string, which is well-formed, has an escape
// of half a surrogate pair.
func halfPair(quoted string) bool {
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		i++
		if quoted[i] != 'u' {
			continue
		}
		unit := hex4(quoted[i+1:])
		i += 4
		switch {
		case unit < 0xd800 || unit > 0xdfff:
		case unit > 0xdbff, len(quoted) < i+7, quoted[i+1] != '\\', quoted[i+2] != 'u':
			return true
		default:
			if low := hex4(quoted[i+3:]); low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 6
		}
	}
	return false
}

// hex4 is the number that four hexadecimal digits are.
func hex4(digits string) (n int) {
	for _, c := range []byte(digits[:4]) {
		n <<= 4
		switch {
		case isDigit(c):
			n |= int(c - '0')
		default:
			n |= int(c|0x20-'a') + 10
		}
	}
	return n
}
