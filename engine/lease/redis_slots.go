package lease

import (
	"strconv"
	"strings"
)

// slotCount is how many slots a Redis Cluster has.
const slotCount = 16384

// slotRange is slots of one master, both ends included.
type slotRange struct{ first, last int }

// slotOf is the slot of a key: CRC-16 (XMODEM) of what stands between the first
// { and the next }, if there is something, and of the whole key otherwise.
func slotOf(key string) int {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if n := strings.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % slotCount
}

// tagIn is a short text whose slot is in one of the ranges.
func tagIn(ranges []slotRange) string {
	for i := range 64 * slotCount {
		tag := strconv.Itoa(i)
		if within(ranges, slotOf(tag)) {
			return tag
		}
	}
	return "0" // no slot: a master that holds nothing
}

func within(ranges []slotRange, slot int) bool {
	for _, r := range ranges {
		if slot >= r.first && slot <= r.last {
			return true
		}
	}
	return false
}
