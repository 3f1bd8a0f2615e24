// Package word looks at eight bytes at once. What it finds it marks in the highest bit of the
// byte's place. Of several marks the lowest is right; one above it may be an effect of it.
package word

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// Load is the eight bytes of b as a word, the first one lowest.
func Load(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// Below marks the bytes of x that are less than c, which is at most 0x80.
func Below(x uint64, c byte) uint64 { return (x - ones*uint64(c)) &^ x & tops }

// Equal marks the bytes of x that are c.
func Equal(x uint64, c byte) uint64 { return Below(x^ones*uint64(c), 1) }

// Controls marks the bytes of x that are control characters.
func Controls(x uint64) uint64 { return Below(x, ' ') | Equal(x, 0x7f) }

// First is which byte the lowest mark belongs to, from 0 to 7; 8 for none.
func First(marks uint64) int { return bits.TrailingZeros64(marks) / 8 }
