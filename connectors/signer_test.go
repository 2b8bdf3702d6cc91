package connectors_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/connectors"
)

const vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func secretOf(bytes int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", bytes)))
}

// The vector is the one in the Standard Webhooks specification's libraries.
func TestSignerMatchesTheSpecificationsVector(t *testing.T) {
	signer, err := connectors.NewSigner(vectorSecret)
	if err != nil {
		t.Fatal(err)
	}
	got := signer.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("Sign = %s; want %s", got, want)
	}
}

func TestEverySecretOfARotationVerifies(t *testing.T) {
	secrets := []string{vectorSecret, secretOf(connectors.MinSecretBytes), secretOf(connectors.MaxSecretBytes)}
	signer, err := connectors.NewSigner(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	header, body := http.Header{}, []byte("{}")
	signer.SignHeader(header, "bnd_1_2", time.Now(), body)
	if n := len(strings.Split(header.Get("webhook-signature"), " ")); n != len(secrets) {
		t.Errorf("%d signatures; want %d", n, len(secrets))
	}
	for i, secret := range secrets {
		hook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := hook.Verify(body, header); err != nil {
			t.Errorf("secret %d: %v", i, err)
		}
		if err := hook.Verify([]byte("{ }"), header); err == nil {
			t.Errorf("secret %d verifies another body", i)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	cases := map[string]struct {
		secrets []string
		want    string
	}{
		"no secret at all":        {nil, "there is no signing secret"},
		"an empty secret":         {[]string{""}, "secret 1 of 1 is empty"},
		"a prefix alone":          {[]string{"whsec_"}, "has 0 bytes; want 24 to 64"},
		"one byte too few":        {[]string{secretOf(23)}, "has 23 bytes"},
		"one byte too many":       {[]string{secretOf(65)}, "has 65 bytes"},
		"no prefix":               {[]string{secretOf(32)[6:]}, "does not begin with whsec_"},
		"another kind of key":     {[]string{"whsk_" + secretOf(32)[6:]}, "does not begin with whsec_"},
		"what is not base64":      {[]string{"whsec_not!base64"}, "is not standard base64"},
		"URL-safe base64":         {[]string{"whsec_" + strings.Repeat("-_", 20)}, "is not standard base64"},
		"missing padding":         {[]string{strings.TrimRight(secretOf(32), "=")}, "is not standard base64"},
		"a line end":              {[]string{secretOf(32) + "\n"}, "is not standard base64"},
		"a bad one behind a good": {[]string{vectorSecret, "x"}, "secret 2 of 2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := connectors.NewSigner(c.secrets...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error = %v; want one that says %q", err, c.want)
			}
			for _, secret := range c.secrets {
				if len(secret) > 6 && strings.Contains(err.Error(), secret[6:]) {
					t.Errorf("the error holds a secret: %v", err)
				}
			}
		})
	}
}

func TestNewSignerReportsEverySecretAtFault(t *testing.T) {
	_, err := connectors.NewSigner("", vectorSecret, "x")
	if err == nil || !strings.Contains(err.Error(), "1 of 3") || !strings.Contains(err.Error(), "3 of 3") {
		t.Errorf("error = %v; want secrets 1 and 3 in it", err)
	}
}

func TestSignerPrintsAsSecret(t *testing.T) {
	signer, err := connectors.NewSigner(secretOf(24))
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "signer", signer)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "signer", signer)
	asJSON, _ := json.Marshal(signer)
	all := fmt.Sprintf("%v %+v %#v %s %q %x %d %s %s", signer, signer, signer, signer, signer, signer, signer, &logged, asJSON)
	for _, spelling := range []string{"kkk", "107 107", "6b6b", "0x6b", "a2tra2"} {
		if strings.Contains(all, spelling) {
			t.Errorf("the key is printed as %q in %s", spelling, all)
		}
	}
}
