package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// secret is a token by the ARN of where it is kept. It is read for each run, so
// that a new one is used without a deployment; the extension keeps it for five
// minutes.
type secret struct {
	arn   string
	plain string // used if there is no ARN
	from  extension
}

// extension is AWS's Parameters and Secrets extension, which answers on this
// machine alone.
type extension struct {
	port  string
	token string // shows that it is this function that asks
}

const maxSecret = 64 << 10 // what Secrets Manager keeps at most

// read returns the token. No error holds it, or what the extension said: that may be
// a secret too.
func (s secret) read(ctx context.Context, client *http.Client) (string, error) {
	if s.arn == "" {
		return bearer(s.plain)
	}
	address := "http://localhost:" + s.from.port + "/secretsmanager/get?" + url.Values{"secretId": {s.arn}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", fmt.Errorf("the secret %s can not be asked for", s.arn)
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", s.from.token)
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("the secrets extension does not answer; is its layer in the function? %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the secrets extension answers %d to %s; may the function read it?", res.StatusCode, s.arn)
	}
	var answer struct{ SecretString string }
	if err := json.NewDecoder(io.LimitReader(res.Body, 2*maxSecret)).Decode(&answer); err != nil {
		return "", fmt.Errorf("the secrets extension's answer to %s is not what it is documented to be", s.arn)
	}
	token, err := bearer(answer.SecretString)
	if err != nil {
		return "", fmt.Errorf("the secret %s: %w", s.arn, err)
	}
	return token, nil
}

// bearer is a secret as a header can hold it. A secret that was entered as keys and
// values is JSON, and no token.
func bearer(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || text[0] == '{' || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("it is no token: store the token itself, as plain text")
	}
	return text, nil
}
