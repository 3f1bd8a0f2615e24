// Package list is lists that are linked through what is on them, so that to put something
// on one, or to move it, allocates nothing.
package list

// List is a list of Ts. The zero List is empty.
type List[T any] struct {
	first, last *Link[T]
	len         int
}

// Link is the place of a T, which has it as a field, on a List; on one at a time. Its zero
// value is on none.
type Link[T any] struct {
	owner      *T
	list       *List[T]
	prev, next *Link[T]
}

// On is the list that the link is on, nil for none.
func (k *Link[T]) On() *List[T] { return k.list }

// Next is what comes behind it; nil for nothing.
func (k *Link[T]) Next() *T { return k.next.of() }

func (k *Link[T]) of() *T {
	if k == nil {
		return nil
	}
	return k.owner
}

// Len is how many are on the list.
func (l *List[T]) Len() int { return l.len }

// First is the one that was put there before all others; nil for none.
func (l *List[T]) First() *T { return l.first.of() }

// Put makes owner, whose link k is, the last of the list. It is taken off the one that it was
// on.
func (l *List[T]) Put(owner *T, k *Link[T]) {
	if l.last == k {
		return
	}
	k.Remove()
	k.owner, k.list, k.prev = owner, l, l.last
	if l.last == nil {
		l.first = k
	} else {
		l.last.next = k
	}
	l.last = k
	l.len++
}

// Remove takes it off its list, if it is on one.
func (k *Link[T]) Remove() {
	l := k.list
	if l == nil {
		return
	}
	if k.prev == nil {
		l.first = k.next
	} else {
		k.prev.next = k.next
	}
	if k.next == nil {
		l.last = k.prev
	} else {
		k.next.prev = k.prev
	}
	k.list, k.prev, k.next = nil, nil, nil
	l.len--
}

// Each calls f for every one. f may take its own off the list.
func (l *List[T]) Each(f func(*T)) {
	for k := l.first; k != nil; {
		next := k.next
		f(k.owner)
		k = next
	}
}
