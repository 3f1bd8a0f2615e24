package reactortest

import "math/rand/v2"

// Split says how many of n bytes that have arrived, n at least 1, one read
// brings: from 1 to n. Every protocol must give the same answer for all splits.
type Split func(n int) int

// Whole brings all that is there.
func Whole(n int) int { return n }

// ByteByByte brings one byte at a time.
func ByteByByte(n int) int { return 1 }

// Cut brings pieces of random size, the same for the same seed: mostly small
// ones, and now and then all that is there.
func Cut(seed uint64) Split {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	return func(n int) int {
		if r.IntN(8) == 0 {
			return n
		}
		return 1 + r.IntN(min(n, 1<<r.IntN(12)))
	}
}

// Splits is Whole, ByteByByte and Cut with three seeds, to range over in a test:
//
//	for name, split := range reactortest.Splits() {
//		tr.SetSplit(split)
//
// The order is random, as that of any map.
func Splits() map[string]Split {
	return map[string]Split{
		"whole": Whole, "byte by byte": ByteByByte, "cut 1": Cut(1), "cut 2": Cut(2), "cut 3": Cut(3),
	}
}
