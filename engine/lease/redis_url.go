package lease

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// RedisURL says where Redis is and who asks. It holds passwords, and prints
// without them.
type RedisURL struct {
	Kind   string   // "standalone", "sentinel" or "cluster"
	Addrs  []string // host:port of the server, the Sentinels or some nodes; or the path of a socket
	Master string   // the name that Sentinels know the master by
	DB     int
	TLS    bool
	User   string

	SentinelUser string

	password, sentinelPassword string
}

// Format writes the URL without its passwords, whatever the verb.
func (u RedisURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// String is the URL without its passwords.
func (u RedisURL) String() string {
	scheme := map[string]string{"standalone": "redis", "sentinel": "redis+sentinel", "cluster": "redis+cluster"}[u.Kind]
	if u.TLS {
		scheme = strings.Replace(scheme, "redis", "rediss", 1)
	}
	if len(u.Addrs) > 0 && strings.HasPrefix(u.Addrs[0], "/") {
		return fmt.Sprintf("redis+unix://%s?db=%d", u.Addrs[0], u.DB)
	}
	path := "/" + strconv.Itoa(u.DB)
	switch u.Kind {
	case "sentinel":
		path = "/" + u.Master + path
	case "cluster":
		path = ""
	}
	return scheme + "://" + strings.Join(u.Addrs, ",") + path
}

// HasPassword reports whether a password is part of the URL.
func (u RedisURL) HasPassword() bool { return u.password != "" || u.sentinelPassword != "" }

// schemes are the forms of URL: what each is of, and whether it is by TLS.
var schemes = map[string]RedisURL{
	"redis":           {Kind: "standalone"},
	"rediss":          {Kind: "standalone", TLS: true},
	"redis+unix":      {Kind: "standalone"},
	"redis+sentinel":  {Kind: "sentinel"},
	"rediss+sentinel": {Kind: "sentinel", TLS: true},
	"redis+cluster":   {Kind: "cluster"},
	"rediss+cluster":  {Kind: "cluster", TLS: true},
}

// IsRedisURL reports whether the text begins as a URL of Redis does.
func IsRedisURL(text string) bool {
	scheme, _, _ := strings.Cut(text, ":")
	_, known := schemes[scheme]
	return known
}

// ParseRedisURL reads a URL of one of the forms
//
//	redis://[user:password@]host[:port][/db]
//	rediss://…                                        by TLS
//	redis+unix://[user:password@]/path/of/socket[?db=1]
//	redis+sentinel://[user:password@]host[:port],…/master-name[/db]
//	redis+cluster://[user:password@]host[:port],…
//
// rediss+sentinel and rediss+cluster are by TLS. Sentinels that want a password
// have it in the query: ?sentinel_user=…&sentinel_password=…. An error names no
// part of the URL that could be a secret.
func ParseRedisURL(text string) (RedisURL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	u, known := schemes[scheme]
	if !ok || !known {
		return RedisURL{}, errors.New("want redis://, rediss:// (TLS), redis+sentinel://, redis+cluster:// or redis+unix://")
	}
	var err error
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		if err = u.credentials(rest[:at]); err != nil {
			return RedisURL{}, err
		}
		rest = rest[at+1:]
	}
	rest, query, _ := strings.Cut(rest, "?")
	if err := u.query(query, scheme); err != nil {
		return RedisURL{}, err
	}
	if scheme == "redis+unix" {
		if !strings.HasPrefix(rest, "/") {
			return RedisURL{}, errors.New("want the path of a socket from the root, such as redis+unix:///run/redis/redis.sock")
		}
		u.Addrs = []string{rest}
		return u, nil
	}
	hosts, path, _ := strings.Cut(rest, "/")
	if u.Addrs, err = u.hosts(hosts); err != nil {
		return RedisURL{}, err
	}
	return u, u.path(path)
}

func (u *RedisURL) credentials(text string) error {
	// Such a character would end them for some readers and not for others, who
	// would take a part of the password for something that may be printed.
	if strings.ContainsAny(text, "/?#") {
		return errors.New("there is a /, a ? or a # before the last @; in a user or a password write / as %2F, ? as %3F, # as %23 and @ as %40")
	}
	user, password, _ := strings.Cut(text, ":")
	var errUser, errPassword error
	u.User, errUser = url.PathUnescape(user)
	u.password, errPassword = url.PathUnescape(password)
	if errUser != nil || errPassword != nil {
		return errors.New("the user or the password holds a % that begins no escape; write % as %25, @ as %40 and / as %2F")
	}
	if u.User != "" && u.password == "" {
		return errors.New("there is a user and no password; write <user>:<password>@, or :<password>@ for the default user")
	}
	return nil
}

func (u *RedisURL) query(text, scheme string) error {
	values, err := url.ParseQuery(text)
	if err != nil {
		return errors.New("what follows the ? can not be read")
	}
	for key, value := range values {
		switch {
		case len(value) != 1:
			return errors.New("a parameter stands twice")
		case key == "db" && scheme == "redis+unix":
			if u.DB, err = parseDB(value[0]); err != nil {
				return err
			}
		case key == "sentinel_user" && u.Kind == "sentinel":
			u.SentinelUser = value[0]
		case key == "sentinel_password" && u.Kind == "sentinel":
			u.sentinelPassword = value[0]
		default:
			return errors.New("there is no parameter of that name: redis+unix:// has db, redis+sentinel:// has sentinel_user and sentinel_password")
		}
	}
	return nil
}

func (u *RedisURL) hosts(text string) (addrs []string, err error) {
	port := "6379"
	if u.Kind == "sentinel" {
		port = "26379"
	}
	for host := range strings.SplitSeq(text, ",") {
		addr, err := withPort(host, port)
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, addr)
	}
	if len(addrs) > 1 && u.Kind == "standalone" {
		return nil, errors.New("there are several hosts; that is redis+sentinel:// or redis+cluster://")
	}
	return addrs, nil
}

// withPort is host:port, with the port if the text has none.
func withPort(text, port string) (string, error) {
	host := text
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case host == "" || strings.ContainsAny(host, " @[]"):
		return "", errors.New("want <host>:<port> after the //, and commas between several")
	case strings.Contains(host, ":") && net.ParseIP(host) == nil:
		return "", errors.New("a host has colons and is no IPv6 address")
	case err != nil || n == 0:
		return "", errors.New("a port is not a number from 1 to 65535")
	}
	return net.JoinHostPort(host, port), nil
}

func (u *RedisURL) path(text string) (err error) {
	parts := slices.DeleteFunc(strings.Split(text, "/"), func(p string) bool { return p == "" })
	if u.Kind == "sentinel" {
		if len(parts) == 0 {
			return errors.New("the name of the master is missing: redis+sentinel://<host>:<port>/<master name>")
		}
		u.Master, parts = parts[0], parts[1:]
	}
	switch {
	case len(parts) > 1:
		return errors.New("the path goes on after the number of the database")
	case len(parts) == 1:
		u.DB, err = parseDB(parts[0])
	}
	if err == nil && u.Kind == "cluster" && u.DB != 0 {
		return errors.New("a Redis Cluster has database 0 only")
	}
	return err
}

func parseDB(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, errors.New("the database is not a number; want such as /0")
	}
	return int(n), nil
}
