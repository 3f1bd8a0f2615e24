package http2

// list is a list of connections, linked through themselves. A connection is on one
// of the factory's two at a time.
type list struct {
	first, last *Conn
	len         int
}

func (l *list) push(c *Conn) {
	c.list, c.prev, c.next = l, l.last, nil
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
	l.len++
}

func (l *list) remove(c *Conn) {
	if c.prev == nil {
		l.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		l.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.list, c.prev, c.next = nil, nil, nil
	l.len--
}

// moveTo makes c the last of l.
func (c *Conn) moveTo(l *list) {
	if l.last == c {
		return
	}
	if c.list != nil {
		c.list.remove(c)
	}
	l.push(c)
}

// each calls f for every connection of the list. f may take its own off it.
func (l *list) each(f func(c *Conn)) {
	for c := l.first; c != nil; {
		next := c.next
		f(c)
		c = next
	}
}
