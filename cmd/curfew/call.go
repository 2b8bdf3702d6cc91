package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

const defaultURL = "http://127.0.0.1:8080"

// client is a client of the gateway that flags and environment name.
func (c *cli) client() (*client.Client, error) {
	address := orElse(c.url, orElse(c.Getenv("CURFEW_URL"), defaultURL))
	token := c.Getenv("CURFEW_TOKEN")
	if c.tokenFile != "" {
		content, err := os.ReadFile(filepath.Clean(c.tokenFile))
		if err != nil {
			return nil, usage("--token-file: %v", err)
		}
		token = strings.TrimSpace(string(content))
	}
	cl, err := client.New(address, token)
	if err != nil {
		return nil, usage("%v", err)
	}
	return cl, nil
}

// show gets the path and prints what was answered.
func show[T any](c *cli, cmd *cobra.Command, path string, query url.Values, print func(T) error) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var answer T
	raw, err := cl.Get(cmd.Context(), path, query, &answer)
	if err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(raw)
	}
	return print(answer)
}

// change posts the body to the path and prints what was answered.
func change[T any](c *cli, cmd *cobra.Command, path, key string, body any, print func(T) error) (answer T, err error) {
	cl, err := c.client()
	if err != nil {
		return answer, err
	}
	raw, err := cl.Post(cmd.Context(), path, key, body, &answer)
	if err != nil {
		return answer, err
	}
	if c.output == outputJSON {
		return answer, c.printJSON(raw)
	}
	return answer, print(answer)
}

// paging is the flags of a list.
type paging struct {
	all    bool
	state  string
	limit  int
	cursor string
}

func (p *paging) flags(cmd *cobra.Command, states ...string) {
	flags := cmd.Flags()
	flags.BoolVar(&p.all, "all", false, "those of everybody, if policy lets you see them")
	flags.StringVar(&p.state, "state", "", "only those in the `state`: "+strings.Join(states, ", "))
	flags.IntVarP(&p.limit, "limit", "n", engine.DefaultLimit, "how many at most")
	flags.StringVar(&p.cursor, "cursor", "", "go on where a list ended")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp))
}

func (p *paging) query() url.Values {
	q := url.Values{"limit": {strconv.Itoa(p.limit)}}
	if p.all {
		q.Set("scope", engine.ScopeAll)
	}
	narrow(q, map[string]string{"state": p.state, "cursor": p.cursor})
	return q
}

// narrow sets the parameters of a query that somebody gave.
func narrow(q url.Values, given map[string]string) {
	for name, text := range given {
		if text != "" {
			q.Set(name, text)
		}
	}
}

// more says how to see the rest of a list.
func (c *cli) more(next *string) error {
	if next == nil {
		return nil
	}
	_, err := fmt.Fprintf(c.Err, "There are more: go on with --cursor %s\n", clean(*next))
	return err
}

// resourceArg reads customer/acme.
func resourceArg(text string) (access.ResourceRef, error) {
	typ, id, found := strings.Cut(text, "/")
	if !found || typ == "" || id == "" {
		return access.ResourceRef{}, usage("%q is not <type>/<id>, such as customer/acme", text)
	}
	return access.ResourceRef{Type: typ, ID: id}, nil
}
