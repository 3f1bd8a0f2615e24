package site

// OnLoop has f called on the loop of a Site that has begun.
func (s *Site) OnLoop(f func()) { s.loop.CallFromThread(f) }
