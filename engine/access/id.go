package access

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"math/bits"
	"strings"
	"time"
)

// The kinds of id. An id carries its kind: "req_" and then 26 characters.
const (
	KindRequest  = "req"
	KindDecision = "dec"
	KindGrant    = "grt"
	KindBinding  = "bnd"
	KindTask     = "tsk"
	KindEvent    = "evt"
	KindNotice   = "ntc"
	KindAlarm    = "alm"
)

// crockford is Crockford's base 32 in lower case: it sorts as the bytes do.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID returns a fresh id of the kind: 48 bits of milliseconds since 1970 and
// 80 random bits (the shape of RFC 9562's UUIDv7), so ids made later sort later
// to the millisecond and no id can be guessed.
func NewID(kind string, now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails: crypto/rand ends the program instead
	return kind + "_" + crockford.EncodeToString(b[:])
}

// NextID returns a fresh id of the kind and the time of another one, which sorts
// behind it. Many ids that are made at one time and in one order are stored in that
// order too.
func NextID(id string) string {
	kind, suffix, _ := strings.Cut(id, "_")
	b, err := crockford.DecodeString(suffix)
	if err != nil || len(b) != 16 {
		return NewID(kind, time.Now())
	}
	var step [8]byte
	_, _ = rand.Read(step[:5])
	low, carry := bits.Add64(binary.BigEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(step[:])+1, 0)
	binary.BigEndian.PutUint64(b[8:], low)
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+carry)
	return kind + "_" + crockford.EncodeToString(b)
}

// CheckID reports an error unless id looks like an id of the kind. It is a
// check of form: whether the object exists is the ledger's to say.
func CheckID(kind, id string) error {
	suffix, ok := strings.CutPrefix(id, kind+"_")
	if ok && len(suffix) == 26 {
		if _, err := crockford.DecodeString(suffix); err == nil {
			return nil
		}
	}
	return NotFound(kindWords[kind], id)
}

var kindWords = map[string]string{
	KindRequest: "request", KindDecision: "decision", KindGrant: "grant",
	KindBinding: "binding", KindTask: "task", KindEvent: "event",
	KindNotice: "notice", KindAlarm: "alarm",
}

// FirstID is the least id of the kind that can be made at the time, to the
// millisecond: ids are looked for by time with it.
func FirstID(kind string, at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(max(at.UnixMilli(), 0))<<16)
	return kind + "_" + crockford.EncodeToString(b[:])
}

// IDTime is when the id was made, to the millisecond; the zero time if it is no
// id.
func IDTime(id string) time.Time {
	_, suffix, _ := strings.Cut(id, "_")
	b, err := crockford.DecodeString(suffix)
	if err != nil || len(b) != 16 {
		return time.Time{}
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[:8]) >> 16)).UTC()
}
