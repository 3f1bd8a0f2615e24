package protocol

import "testing"

func TestMessageForms(t *testing.T) {
	type key uint8
	m := Text("hello")
	if m.Binary || string(m.Data) != "hello" || m.Form(key(1)) != nil {
		t.Fatalf("a new message: %+v", m)
	}
	m.SetForm(key(1), []byte("one"))
	m.SetForm(key(2), []byte("two"))
	for k, want := range map[any]string{key(1): "one", key(2): "two", 1: "", nil: ""} {
		if got := string(m.Form(k)); got != want {
			t.Errorf("form %v is %q, want %q", k, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { m.Form(key(2)) }); n != 0 {
		t.Errorf("looking a form up allocates %v times", n)
	}
}

func TestHeadCloneProtocol(t *testing.T) {
	word := []byte("websocket")
	c := (&Head{Protocol: word}).Clone()
	word[0] = 'W'
	if string(c.Protocol) != "websocket" {
		t.Errorf("the clone has %q", c.Protocol)
	}
}
