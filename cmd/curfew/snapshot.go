package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The forms in which a snapshot is sent.
const (
	kindJSON  = "application/json"
	kindLines = "application/x-ndjson"
)

const (
	smallSnapshot = 1 << 20  // up to here compressing is not worth it
	maxYAML       = 64 << 20 // which is held in memory, with a place for each of its nodes
)

// snapshot is the catalogue of a source, as a file or the standard input has it.
type snapshot struct {
	name  string // for people
	kind  string // of what is sent
	size  int64  // -1: not known before it is read
	once  bool   // it can be read only once
	open  func() (io.ReadCloser, error)
	lines []int // of a YAML file, where each item begins; nil: what is sent is the file
}

// large reports whether compressing is worth it.
func (s *snapshot) large() bool { return s.size < 0 || s.size > smallSnapshot }

// line is where in the file a fault is.
func (s *snapshot) line(sent, index int) int {
	if index >= 0 && index < len(s.lines) {
		return s.lines[index]
	}
	return sent
}

// openSnapshot looks at a file, or at the standard input as -, and finds its form by
// its name, or by its first bytes.
func openSnapshot(name string, in io.Reader) (*snapshot, error) {
	if name == "-" {
		return readSnapshot(in)
	}
	path := filepath.Clean(name)
	s := &snapshot{name: name, open: func() (io.ReadCloser, error) { return os.Open(path) }}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, usage("%v", err)
	case !info.Mode().IsRegular():
		return nil, usage("%s is no file; its content can come from the standard input, as -", name)
	}
	s.size = info.Size()
	file, err := s.open()
	if err != nil {
		return nil, usage("%v", err)
	}
	defer func() { _ = file.Close() }()
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		s.kind = kindJSON
	case ".ndjson", ".jsonl":
		s.kind = kindLines
	case ".yaml", ".yml":
		return s, s.convert(file)
	default:
		peeked := bufio.NewReaderSize(file, sniffed)
		if s.kind, err = sniff(peeked); err == nil && s.kind == "" {
			return s, s.convert(peeked)
		}
	}
	return s, err
}

// readSnapshot takes the standard input. What is small enough is read at once, so
// that it can be sent again if the connection breaks.
func readSnapshot(in io.Reader) (*snapshot, error) {
	s := &snapshot{name: "stdin", size: -1, once: true}
	peeked := bufio.NewReaderSize(in, smallSnapshot+1)
	start, err := peeked.Peek(smallSnapshot + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the standard input can not be read: %w", err)
	}
	if s.kind, err = sniff(peeked); err != nil {
		return nil, err
	}
	switch {
	case s.kind == "":
		return s, s.convert(peeked)
	case len(start) <= smallSnapshot:
		s.hold(bytes.Clone(start))
	default:
		s.open = func() (io.ReadCloser, error) { return io.NopCloser(peeked), nil }
	}
	return s, nil
}

// hold makes bytes what is sent.
func (s *snapshot) hold(content []byte) {
	s.size, s.once = int64(len(content)), false
	s.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

// sniffed is how much is looked at to tell the form of a file.
const sniffed = 4 << 10

// sniff tells JSON, JSON a line and anything else, which is taken for YAML and "",
// by how a file begins.
func sniff(r *bufio.Reader) (kind string, err error) {
	start, err := r.Peek(min(sniffed, r.Size()))
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("it can not be read: %w", err)
	}
	start = bytes.TrimLeft(start, " \t\r\n")
	switch {
	case len(start) == 0:
		return "", usage("there is nothing in it; a source without resources is " + noItems)
	case start[0] != '{':
		return "", nil
	}
	d := json.NewDecoder(bytes.NewReader(start))
	_, _ = d.Token() // {
	if key, err := d.Token(); err == nil && key == "resources" {
		return kindJSON, nil
	}
	return kindLines, nil
}

// convert reads YAML, and makes it an object a line.
func (s *snapshot) convert(file io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(file, maxYAML+1))
	if err != nil {
		return fmt.Errorf("%s can not be read: %w", s.name, err)
	}
	if len(content) > maxYAML {
		return usage("%s: more than %d MiB of YAML is too much; write it as JSON, or as a JSON object a line", s.name, maxYAML>>20)
	}
	items, err := itemsOfYAML(content)
	if err != nil {
		return usage("%s: %v", s.name, err)
	}
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	for _, item := range items {
		var value any
		if err := item.Decode(&value); err != nil {
			return usage("%s:%d: %v", s.name, item.Line, err)
		}
		if holdsTime(value) {
			return usage("%s:%d: it holds a date or a time; write it as a string, in quotes", s.name, item.Line)
		}
		if err := lines.Encode(value); err != nil {
			return usage("%s:%d: it can not be written as JSON: %v", s.name, item.Line, err)
		}
		s.lines = append(s.lines, item.Line)
	}
	s.kind = kindLines
	if len(items) == 0 { // no line is what a program leaves that died, and is not taken
		s.kind = kindJSON
		out.WriteString(noItems)
	}
	s.hold(out.Bytes())
	return nil
}

// holdsTime reports whether a value of YAML has a time in it. JSON has none, and
// would get another text than stands there.
func holdsTime(v any) bool {
	switch v := v.(type) {
	case time.Time:
		return true
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), holdsTime)
	case []any:
		return slices.ContainsFunc(v, holdsTime)
	}
	return false
}

// noItems is a source without resources.
const noItems = `{"resources": []}`

// itemsOfYAML are the resources of a catalogue file, whatever is in them: that is the
// gateway's to judge.
func itemsOfYAML(content []byte) ([]*yaml.Node, error) {
	var file struct {
		Resources yaml.Node `yaml:"resources"`
	}
	if err := decodeDocument(content, &file); err != nil {
		return nil, err
	}
	list := &file.Resources
	if list.Kind == yaml.AliasNode {
		list = list.Alias
	}
	if list.Kind != yaml.SequenceNode {
		return nil, errors.New("resources: want a list")
	}
	return list.Content, nil
}
