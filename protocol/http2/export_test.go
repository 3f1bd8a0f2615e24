package http2

import "time"

// Patience is the longest that content may fall behind.
func (f *Factory) Patience() time.Duration { return f.set.BodyTimeout }
