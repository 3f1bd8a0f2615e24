//go:build !race

package reactortest

// Race is whether the race detector is in the program. What computes takes ten times as
// long then, and in what one goroutine does there is nothing for it to find.
const Race = false
