package reactor

// Event is a moment in the life of a reactor.
type Event string

// The system events.
const (
	Startup  Event = "startup"
	Shutdown Event = "shutdown"
)

// Phase is one of the three in which the triggers of an event are called.
type Phase uint8

// The phases of an event, in order.
const (
	Before Phase = iota
	During
	After
)

// TriggerID names a trigger, to take it back.
type TriggerID uint64
