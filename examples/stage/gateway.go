package stage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// FreeAddress is an address that stays free while nothing of the stage listens
// there: on a loopback host of its own, where the system has one.
func FreeAddress() (string, error) {
	var b [3]byte
	_, _ = rand.Read(b[:])
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", fmt.Sprintf("127.%d.%d.%d:0", b[0]|1, b[1], b[2]|1))
	if err != nil {
		l, err = config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Addresses returns pairs for Copy that put free addresses in place of the
// usual ones. A stage that stays takes the usual ones if they are free.
func (s *Stage) Addresses(usual ...string) (pairs []string, err error) {
	for _, address := range usual {
		taken := address
		if s.throwaway || !free(address) {
			if taken, err = FreeAddress(); err != nil {
				return nil, err
			}
		}
		if taken != address && !s.throwaway {
			Print("%s is not free: using %s\n", address, taken)
		}
		pairs = append(pairs, address, taken)
	}
	return pairs, nil
}

func free(address string) bool {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// StartReceiver runs the quickstart's receiver.
func (s *Stage) StartReceiver(ctx context.Context, program, address string) (*Process, error) {
	p, err := s.Start(ctx, Program{
		Name: "receiver", Path: program, Args: []string{"-listen", address, "-secret-file", s.Secret("webhook-secret")},
	})
	if err != nil {
		return nil, err
	}
	_, err = p.Wait(ctx, 10*time.Second, "listening")
	return p, err
}

// StartGateway runs a gateway and returns when it is ready. Its log goes to a
// file of its name.
func (s *Stage) StartGateway(ctx context.Context, name, config, url string) (*Process, error) {
	p, err := s.Start(ctx, Program{Name: name, Path: s.Curfew, Args: []string{"serve", "--config", config}, Log: s.Path(name + ".log")})
	if err != nil {
		return nil, err
	}
	if _, err := p.Wait(ctx, 30*time.Second, "serves"); err != nil {
		return p, err
	}
	return p, Eventually(ctx, 20*time.Second, func(ctx context.Context) error {
		status, err := Readiness(ctx, url)
		if err == nil && status != "ok" {
			err = fmt.Errorf("the %s says that it is %s", name, status)
		}
		return err
	})
}

// Readiness is what a gateway says of itself.
func Readiness(ctx context.Context, url string) (status string, err error) {
	var ready struct{ Status string }
	err = call(ctx, http.MethodGet, url+"/readyz", "", "", &ready)
	return ready.Status, err
}

// Check asks a gateway, as a person, whether that person has access now.
func (s *Stage) Check(ctx context.Context, url, who, action, resourceType, resourceID string) (bool, error) {
	token, err := os.ReadFile(s.Secret("token-" + who))
	if err != nil {
		return false, err
	}
	var answer struct{ Decision bool }
	err = call(ctx, http.MethodPost, url+"/access/v1/evaluation", strings.TrimSpace(string(token)), fmt.Sprintf(
		`{"subject": {"type": "user", "id": "%s@example.com"}, "action": {"name": %q}, "resource": {"type": %q, "id": %q}}`,
		who, action, resourceType, resourceID), &answer)
	return answer.Decision, err
}

// call calls a gateway and decodes its answer.
func call(ctx context.Context, method, url, token, body string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	err = errors.Join(err, response.Body.Close())
	if err == nil {
		err = json.Unmarshal(raw, answer)
	}
	if err == nil && response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable {
		err = fmt.Errorf("%s answers %s: %s", url, response.Status, raw)
	}
	return err
}
