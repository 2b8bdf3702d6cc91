package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decodeYAML reads the one document of a YAML file into the value, strictly: an
// unknown key, a key that stands twice, a value of the wrong kind and a second
// document are faults. It reports them all, each with its place and line, and
// never a value: it may be a secret.
func decodeYAML(path string, into any) error {
	content, err := os.ReadFile(filepath.Clean(path)) //nolint:gosec // an operator names the file
	if err != nil {
		return err
	}
	return decodeDocument(content, into)
}

func decodeDocument(content []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	err := d.Decode(into)
	var kinds *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the file is empty")
	case errors.As(err, &kinds):
		return readable(content, kinds)
	case err != nil:
		return err
	}
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return errors.New("the file goes on after its first document; take out what follows ---")
	}
	return nil
}

var (
	keyFault  = regexp.MustCompile(`^line (\d+): field (.+) (not found|already set) in type `)
	twice     = regexp.MustCompile(`^line (\d+): mapping key "(.+)" already defined at line (\d+)`)
	kindFault = regexp.MustCompile(`(?s)^line (\d+): cannot unmarshal (!!\w+)(?: .*)? into (\S+)$`)
)

// readable puts the decoder's faults into words that do not need its source.
func readable(content []byte, e *yaml.TypeError) error {
	var root yaml.Node
	if err := yaml.Unmarshal(content, &root); err != nil {
		return err
	}
	places := placesIn(&root, "")
	var all faults
	for _, text := range e.Errors {
		if m := keyFault.FindStringSubmatch(text); m != nil {
			what := "there is no such key; check its spelling and its indentation"
			if m[3] == "already set" {
				what = "the key stands twice"
			}
			all.add(places.ofKey(m[1], m[2]), "%s (line %s)", what, m[1])
			continue
		}
		if m := twice.FindStringSubmatch(text); m != nil {
			all.add(places.ofKey(m[1], m[2]), "the key stands twice (lines %s and %s)", m[3], m[1])
			continue
		}
		if m := kindFault.FindStringSubmatch(text); m != nil {
			all.add(places.ofValue(m[1], m[2]), "want %s, not %s (line %s)", wanted(m[3]), found(m[2]), m[1])
			continue
		}
		all = append(all, errors.New("a value can not be read"))
	}
	return all.err()
}

// place is where a node of the document stands.
type place struct {
	line      int
	path, key string // key is empty for a value
	tag       string
}

type places []place

func placesIn(n *yaml.Node, path string) (out places) {
	switch n.Kind {
	case yaml.DocumentNode:
		for _, child := range n.Content {
			out = append(out, placesIn(child, path)...)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at := strings.TrimPrefix(path+"."+key.Value, ".")
			out = append(out, place{key.Line, at, key.Value, ""}, place{value.Line, at, "", value.ShortTag()})
			out = append(out, placesIn(value, at)...)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			out = append(out, place{item.Line, at, "", item.ShortTag()})
			out = append(out, placesIn(item, at)...)
		}
	default: // a scalar, or an alias, whose anchor is elsewhere
	}
	return out
}

func (p places) ofKey(line, key string) string {
	for _, at := range p {
		if strconv.Itoa(at.line) == line && at.key == key {
			return at.path
		}
	}
	return key
}

func (p places) ofValue(line, tag string) string {
	for _, at := range p {
		if strconv.Itoa(at.line) == line && at.key == "" && at.tag == tag {
			return at.path
		}
	}
	return "the document"
}

func found(tag string) string {
	switch tag {
	case "!!str":
		return "a text"
	case "!!seq":
		return "a list"
	case "!!map":
		return "keys and values"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	}
	return "a number or a time"
}

func wanted(goType string) string {
	goType = strings.TrimPrefix(goType, "*")
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case goType == "string", strings.HasSuffix(goType, "secretRef"):
		return "a text"
	case goType == "bool":
		return "true or false"
	case goType == "int", goType == "float64":
		return "a number"
	}
	return "keys and values"
}
