package lease

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
)

// digest names a subject, action and resource without saying who and what. Each
// part has its length before it, so that no two threes make the same bytes.
func digest(x access.Entitled) (d [16]byte) {
	var text []byte
	for _, part := range []string{x.Subject.Type, x.Subject.ID, x.Action.Name, x.Resource.Type, x.Resource.ID} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	copy(d[:], sum[:])
	return d
}

// ids keeps ids of one kind in 16 bytes: a million of them are held. An id that
// is not of the form of access.NewID is kept whole, beside.
type ids struct {
	kind string
	odd  map[[16]byte]string
}

var idText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// pack returns the id's 16 bytes, from which unpack makes it again.
func (s *ids) pack(id string) [16]byte {
	key, odd := s.key(id)
	if odd {
		if s.odd == nil {
			s.odd = map[[16]byte]string{}
		}
		s.odd[key] = id
	}
	return key
}

// key is the id's 16 bytes; odd says that they do not hold all of it.
func (s *ids) key(id string) (key [16]byte, odd bool) {
	text, ok := strings.CutPrefix(id, s.kind+"_")
	if ok && len(text) == 26 {
		raw, err := idText.DecodeString(text)
		if err == nil && idText.EncodeToString(raw) == text {
			copy(key[:], raw)
			return key, false
		}
	}
	sum := sha256.Sum256([]byte(id))
	copy(key[:], sum[:])
	return key, true
}

func (s *ids) unpack(key [16]byte) string {
	if id, odd := s.odd[key]; odd {
		return id
	}
	return s.kind + "_" + idText.EncodeToString(key[:])
}

// forget lets an odd id go.
func (s *ids) forget(key [16]byte) { delete(s.odd, key) }
