//go:build !reactordebug

package reactor

// loopCheck finds calls that are made off the loop though they may not be. It
// is only there with the build tag reactordebug (see loopcheck_on.go); without
// it, it is empty and costs nothing. Not its last field, lest it be padded.
type loopCheck struct{}

func (c *loopCheck) enter() {}
func (c *loopCheck) leave() {}
func (c *loopCheck) check() {}
