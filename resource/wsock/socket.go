package wsock

import (
	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/resource"
)

// Socket is a leaf that speaks WebSocket. Its settings are set before it is first asked
// and not changed afterwards. It belongs to one loop, as the tree does.
type Socket struct {
	resource.Leaf
	// Settings is what the connections are bound to. Its zero value is fine.
	websocket.Settings

	open    func(r *resource.Request) (websocket.Handler, error)
	factory *websocket.Factory
}

// New makes a Socket whose connections are handled by what open returns: for all the
// same Handler, or for each its own. open is called when the handshake is well formed
// and may look at the request: who asks, by which cookie, for what. An error is
// answered as if Render had returned it. A nil open panics.
func New(open func(r *resource.Request) (websocket.Handler, error)) *Socket {
	if open == nil {
		panic("wsock: New without a function")
	}
	return &Socket{open: open}
}

// RenderGET answers a handshake of HTTP/1.1. RFC 6455 §4.2.
func (s *Socket) RenderGET(r *resource.Request) ([]byte, error) { return s.answer(r) }

// RenderCONNECT answers an extended CONNECT of HTTP/2. RFC 8441.
func (s *Socket) RenderCONNECT(r *resource.Request) ([]byte, error) { return s.answer(r) }

func (s *Socket) answer(r *resource.Request) ([]byte, error) {
	agreement, refused := s.Factory().Accept(r.Head())
	if refused != nil {
		return nil, errorOf(refused)
	}
	h, err := s.open(r)
	if err != nil {
		return nil, err
	}
	r.Switch(s.factory.NewConn(agreement, h), agreement.Fields)
	return nil, nil
}

// Factory is what makes the connections of this Socket, and knows them all.
func (s *Socket) Factory() *websocket.Factory {
	if s.factory == nil {
		s.factory = websocket.NewFactory(&s.Settings)
	}
	return s.factory
}

// errorOf is the page that says why a handshake is refused.
func errorOf(p *protocol.Error) *resource.Error {
	e := &resource.Error{Status: p.Status, Detail: p.Reason}
	for _, f := range websocket.Refused(p.Status) {
		e.Fields = append(e.Fields, resource.ErrorField{Name: f.Name, Value: f.Value})
	}
	return e
}

var (
	_ resource.GETRenderer     = (*Socket)(nil)
	_ resource.CONNECTRenderer = (*Socket)(nil)
)
