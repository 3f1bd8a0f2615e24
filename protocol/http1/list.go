package http1

// list is a list of channels, linked through themselves. A channel is on one of
// the factory's two at a time.
type list struct {
	first, last *Channel
	len         int
}

func (l *list) push(c *Channel) {
	c.list, c.prev, c.next = l, l.last, nil
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
	l.len++
}

func (l *list) remove(c *Channel) {
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
func (c *Channel) moveTo(l *list) {
	if l.last == c {
		return
	}
	if c.list != nil {
		c.list.remove(c)
	}
	l.push(c)
}

// each calls f for every channel of the list. f may take its channel off it.
func (l *list) each(f func(c *Channel)) {
	for c := l.first; c != nil; {
		next := c.next
		f(c)
		c = next
	}
}
