package lease

import "encoding/binary"

// places finds where in a store of things one with a key is, in a third of the
// bytes that a map takes: it holds places only, and looks into the store for the
// keys. It is open addressing with linear probing. Keys are digests, or ids whose
// second half is random, so that their bits can be taken as they are.
type places struct {
	slots []int32 // a place and one; 0: free
	used  int
}

const fewestSlots = 1 << 10

// slot is where the search for a key begins.
func (p *places) slot(key [16]byte) int {
	return int(binary.LittleEndian.Uint64(key[8:]) & uint64(len(p.slots)-1)) //nolint:gosec // smaller than len(p.slots)
}

// find returns the key's place. keyAt tells the key of a place.
func (p *places) find(key [16]byte, keyAt func(int32) [16]byte) (place int32, ok bool) {
	if len(p.slots) == 0 {
		return 0, false
	}
	for i := p.slot(key); p.slots[i] != 0; i = (i + 1) & (len(p.slots) - 1) {
		if place = p.slots[i] - 1; keyAt(place) == key {
			return place, true
		}
	}
	return 0, false
}

// add notes the place of a key that has none yet.
func (p *places) add(key [16]byte, place int32, keyAt func(int32) [16]byte) {
	if p.used*4 >= len(p.slots)*3 {
		old := p.slots
		p.slots = make([]int32, max(fewestSlots, 2*len(old)))
		for _, s := range old {
			if s != 0 {
				p.put(keyAt(s-1), s)
			}
		}
	}
	p.put(key, place+1)
	p.used++
}

func (p *places) put(key [16]byte, s int32) {
	i := p.slot(key)
	for p.slots[i] != 0 {
		i = (i + 1) & (len(p.slots) - 1)
	}
	p.slots[i] = s
}

// remove forgets the place of a key that has one, and moves up whatever would not
// be found over the gap.
func (p *places) remove(key [16]byte, keyAt func(int32) [16]byte) {
	mask := len(p.slots) - 1
	gap := p.slot(key)
	for keyAt(p.slots[gap]-1) != key {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; p.slots[i] != 0; i = (i + 1) & mask {
		home := p.slot(keyAt(p.slots[i] - 1))
		if (i-home)&mask >= (i-gap)&mask {
			p.slots[gap] = p.slots[i]
			gap = i
		}
	}
	p.slots[gap] = 0
	p.used--
}
