package resource

import "spindle/protocol"

// This file gives answers fields that nothing takes away: what who runs a server wants goes
// before what its resources set.

// OverrideFields has the answer bear list, in place of fields of those names, whatever else is
// set: pages of errors, redirects and answers without content, too. Names may be there more
// than once. list is kept and not changed; it was checked beforehand (Fields.Check). To be
// called before the answer is begun, in a Pass most often.
func (r *Request) OverrideFields(list protocol.Fields) {
	if len(list) > 0 && !r.tooLate() {
		r.ch = &overridden{Channel: r.ch, list: list}
	}
}

// overridden is a Channel that sets fields of what goes by.
type overridden struct {
	protocol.Channel
	list protocol.Fields
}

// Respond answers whole.
func (c *overridden) Respond(status int, fields protocol.Fields, body []byte) {
	c.Channel.Respond(status, c.with(fields), body)
}

// WriteHead starts an answer.
func (c *overridden) WriteHead(status int, fields protocol.Fields, length int64) {
	c.Channel.WriteHead(status, c.with(fields), length)
}

// with is a copy of fields with the list.
func (c *overridden) with(fields protocol.Fields) protocol.Fields {
	all := make(protocol.Fields, 0, len(fields)+len(c.list))
	for _, f := range fields {
		if !c.list.Has(f.Name) {
			all = append(all, f)
		}
	}
	return append(all, c.list...)
}
