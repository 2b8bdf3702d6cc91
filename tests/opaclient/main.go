// Command opaclient asks a server by a client library that was written for OPA,
// as it is, and writes what the library gave as JSON. It is a module of its own,
// so that the library is none of Curfew's; engine/api's tests build it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/m-mizutani/opac"
)

// question is a line of the input.
type question struct {
	Path  string `json:"path"` // below /v1/data
	Input any    `json:"input"`
}

// answer is a line of the output.
type answer struct {
	Result any    `json:"result"`
	Error  string `json:"error,omitempty"`
}

func main() {
	url := flag.String("url", "http://127.0.0.1:8181", "where the server is")
	token := flag.String("token", "", "the bearer token")
	flag.Parse()
	if err := run(*url, *token, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "opaclient:", err)
		os.Exit(1)
	}
}

// run asks what it reads, each by itself, and writes an answer a line.
func run(url, token string, in io.Reader, out io.Writer) error {
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var q question
		if err := questions.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		client, err := opac.NewRemote(url+"/v1/data/"+q.Path, opac.WithHTTPHeader("Authorization", "Bearer "+token))
		if err != nil {
			return err
		}
		var a answer
		if err := client.Query(context.Background(), q.Input, &a.Result); err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}
