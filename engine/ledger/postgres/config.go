package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	connectTimeout = 5 * time.Second
	connLifetime   = 30 * time.Minute
	connIdleTime   = 5 * time.Minute

	// answerLimit bounds one statement on the server, lockLimit its wait for a
	// lock, and silence how long a connection waits for an answer. The server
	// gives up first, because it can say why.
	answerLimit = 30 * time.Second
	lockLimit   = 10 * time.Second
	silence     = answerLimit + 5*time.Second

	// idleLimit ends a transaction whose node hangs while it holds locks.
	idleLimit = 15 * time.Second

	maxConnsKey     = "pool_max_conns"
	defaultMaxConns = 16
)

// config is what a URL says.
type config struct {
	conn     *pgx.ConnConfig
	maxConns int
}

// Check reports what is wrong with the URL of a database, without its password.
func Check(url string) error {
	_, err := parse(url)
	return err
}

func parse(text string) (*config, error) {
	u, err := url.Parse(text)
	if err != nil {
		var fault *url.Error // its text holds the URL
		if errors.As(err, &fault) {
			err = fault.Err
		}
		return nil, fmt.Errorf("the URL of the PostgreSQL database: %s", redact(text, err))
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("the URL of the PostgreSQL database begins with postgres://")
	}
	conn, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("the URL of the PostgreSQL database: %s", redact(text, err))
	}
	cfg := &config{conn: conn, maxConns: defaultMaxConns}
	if n, set := conn.RuntimeParams[maxConnsKey]; set {
		cfg.maxConns, err = strconv.Atoi(n)
		if err != nil || cfg.maxConns < 2 {
			return nil, fmt.Errorf("the URL of the PostgreSQL database: %s is a number of connections, at least 2", maxConnsKey)
		}
		delete(conn.RuntimeParams, maxConnsKey)
	}
	if conn.ConnectTimeout == 0 || conn.ConnectTimeout > connectTimeout {
		conn.ConnectTimeout = connectTimeout
	}
	for name, value := range parameters() {
		if _, set := conn.RuntimeParams[name]; !set {
			conn.RuntimeParams[name] = value
		}
	}
	return cfg, nil
}

// redact is what an error says beside the URL, unless that holds a piece of what
// may be the password.
func redact(text string, err error) string {
	const silent = "it can not be read; is everything in it percent-encoded?"
	said := err.Error()
	if _, beside, found := strings.Cut(said, "`: "); found {
		said = beside
	}
	for _, piece := range secrets(text) {
		if strings.Contains(said, piece) {
			return silent
		}
	}
	return said
}

// secrets are the pieces of what may be a password in a URL that can perhaps not
// be read: what stands between the first colon and the last @, and settings.
func secrets(text string) (pieces []string) {
	_, after, _ := strings.Cut(text, "://")
	if at := strings.LastIndexByte(after, '@'); at >= 0 {
		_, password, _ := strings.Cut(after[:at], ":")
		pieces = strings.FieldsFunc(password, func(r rune) bool { return strings.ContainsRune(":/?#@&= ", r) })
	}
	for _, setting := range strings.FieldsFunc(after, func(r rune) bool { return r == '?' || r == '&' }) {
		if _, value, found := strings.Cut(setting, "password="); found && value != "" {
			pieces = append(pieces, value)
		}
	}
	return pieces
}

// parameters are the settings of each connection that the URL does not override.
func parameters() map[string]string {
	return map[string]string{
		"application_name": "curfew",
		// Plans are kept: planning an insert of many rows takes longer than running
		// it. One that was made while a table was empty must not read all of it
		// later, and one of a claim is never kept: see writing.QueryContext.
		"plan_cache_mode":                     "auto",
		"enable_seqscan":                      "off",
		"jit":                                 "off", // what is off is only made to look dear, which calls for it
		"statement_timeout":                   millis(answerLimit),
		"lock_timeout":                        millis(lockLimit),
		"idle_in_transaction_session_timeout": millis(idleLimit),
		// So that the server drops a node that is gone, and its locks.
		"tcp_keepalives_idle":     "5",
		"tcp_keepalives_interval": "2",
		"tcp_keepalives_count":    "3",
		"tcp_user_timeout":        millis(10 * time.Second),
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
