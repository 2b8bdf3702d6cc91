package lease

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
)

// keys makes the names of an epoch's keys. They hold ids and digests, never who
// or what: whoever may subscribe sees them.
type keys struct {
	prefix string // "curfew:"
	epoch  string // "curfew:7:"
}

func newKeys(prefix string, epoch int64) keys {
	return keys{prefix + ":", prefix + ":" + strconv.FormatInt(epoch, 10) + ":"}
}

// grant is the key whose time to live is a grant's.
func (k keys) grant(id string) string { return k.epoch + "g:" + id }

// standing is the key of a subject, action and resource.
func (k keys) standing(x access.Entitled) string {
	d := digest(x)
	return k.epoch + "s:{" + base64.RawURLEncoding.EncodeToString(d[:]) + "}"
}

// sentinel is the key that is missing when the server has lost its keys. In a
// Cluster each master has one, by a tag of a slot of its own.
func (k keys) sentinel(tag string) string { return k.epoch + "sentinel{" + tag + "}" }

// echo is the key by which a listener sees whether ends are announced.
func (k keys) echo(token string) string { return k.epoch + "e:" + token }

// trial is the key by which the monitor sees whether writes are taken.
func (k keys) trial(tag string) string { return k.epoch + "e:trial{" + tag + "}" }

// grantOf is the id of the grant whose key this is.
func (k keys) grantOf(key string) (id string, ok bool) {
	id, ok = strings.CutPrefix(key, k.epoch+"g:")
	return id, ok && plainID(id)
}

func (k keys) isStanding(key string) bool { return strings.HasPrefix(key, k.epoch+"s:") }

// isOwn reports whether the key is one that this package writes beside grants
// and standings.
func (k keys) isOwn(key string) bool {
	return strings.HasPrefix(key, k.epoch+"sentinel{") || strings.HasPrefix(key, k.epoch+"e:")
}

// epochOf is the number of the epoch that a key of ours is of.
func (k keys) epochOf(key string) (int64, bool) {
	rest, ours := strings.CutPrefix(key, k.prefix)
	number, _, more := strings.Cut(rest, ":")
	n, ok := parseNumber(number)
	return n, ours && more && ok
}
