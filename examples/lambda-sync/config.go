package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
)

// The variables of the environment. template.yaml sets the first six; the others
// are there for a run on a desk, without AWS.
const (
	gatewayURL          = "CURFEW_URL"
	gatewayTokenARN     = "CURFEW_TOKEN_SECRET_ARN" //nolint:gosec // the name of a variable
	source              = "CURFEW_SOURCE"
	entitlementsJSON    = "CURFEW_ENTITLEMENTS"
	directoryURL        = "DIRECTORY_URL"
	directoryTokenARN   = "DIRECTORY_TOKEN_SECRET_ARN"
	gatewayTokenPlain   = "CURFEW_TOKEN"
	directoryTokenPlain = "DIRECTORY_TOKEN"

	extensionPort  = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
	extensionToken = "AWS_SESSION_TOKEN" //nolint:gosec // the name of a variable, which Lambda sets
)

// deployed is what template.yaml sets.
var deployed = []string{gatewayURL, gatewayTokenARN, source, entitlementsJSON, directoryURL, directoryTokenARN}

// config is what the environment says.
type config struct {
	gateway        *url.URL
	gatewayToken   secret
	source         string
	entitlements   json.RawMessage // a list, as every customer gets it
	directory      *url.URL
	directoryToken secret
}

// readConfig reads the environment, and reports all that is wrong with it at once.
func readConfig(lookup func(string) (string, bool)) (cfg config, err error) {
	get := func(name string) string { text, _ := lookup(name); return text }
	var faults []error
	address := func(name string) *url.URL {
		u, err := readURL(get(name))
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
		return u
	}
	where := extension{port: cmp.Or(get(extensionPort), "2773"), token: get(extensionToken)}
	token := func(arn, plain string) secret {
		if get(arn) == "" && get(plain) == "" {
			faults = append(faults, fmt.Errorf("%s: it is missing: the ARN of a secret of Secrets Manager", arn))
		}
		return secret{arn: get(arn), plain: get(plain), from: where}
	}
	cfg = config{
		gateway: address(gatewayURL), gatewayToken: token(gatewayTokenARN, gatewayTokenPlain),
		directory: address(directoryURL), directoryToken: token(directoryTokenARN, directoryTokenPlain),
		source: get(source), entitlements: json.RawMessage(get(entitlementsJSON)),
	}
	if cfg.source == "" {
		faults = append(faults, fmt.Errorf("%s: it is missing: the name that the gateway knows this catalogue by", source))
	}
	if err := checkEntitlements(cfg.entitlements); err != nil {
		faults = append(faults, fmt.Errorf("%s: %w", entitlementsJSON, err))
	}
	return cfg, errors.Join(faults...)
}

// readURL takes https, and http on this machine alone: a token goes there.
func readURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New("it is missing")
	case err != nil, u.Host == "", u.User != nil, u.Fragment != "":
		return nil, errors.New("it is not an https URL without a user and a fragment")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("it is not https, and a token is sent there")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkEntitlements sees to the form; what stands in it is the gateway's to judge.
func checkEntitlements(raw json.RawMessage) error {
	var list []struct{ Action, Target string }
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
		return errors.New(`it is not a list in JSON, such as [{"action":"debug","durations":["2h"],"target":"okta"}]`)
	}
	for i, e := range list {
		if e.Action == "" || e.Target == "" {
			return fmt.Errorf("entitlement %d has no action or no target", i)
		}
	}
	return nil
}
