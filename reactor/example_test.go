package reactor_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"slices"

	"spindle/reactor"
)

// Echo sends back what it receives.
type Echo struct{ t reactor.Transport }

func (e *Echo) ConnectionMade(t reactor.Transport) { e.t = t }
func (e *Echo) DataReceived(data []byte)           { e.t.Write(data) }
func (e *Echo) ConnectionLost(reason error)        {}

// An echo server. The client is on another goroutine, as it would be in another
// process; a program would listen on a port of its choice, by reactor.ListenTCP,
// and call reactor.Run.
func Example_echo() {
	r := reactor.New()
	port, err := r.Listen("tcp:0:interface=127.0.0.1", reactor.FactoryFunc(func(peer reactor.Addr) reactor.Protocol {
		return new(Echo)
	}))
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer r.Stop()
		c, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "Hello, loop!")
		answer := make([]byte, len("Hello, loop!"))
		if _, err := io.ReadFull(c, answer); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", answer)
	}()
	if err := r.Run(); err != nil {
		log.Fatal(err)
	}
	// Output: Hello, loop!
}

// Room is a chat room, the factory of its guests. It has no lock: the loop calls
// one guest at a time.
type Room struct{ guests []*Guest }

func (room *Room) BuildProtocol(peer reactor.Addr) reactor.Protocol {
	g := &Guest{room: room}
	g.OnLine = g.said
	return g
}

// tell sends a line to everybody but one.
func (room *Room) tell(but *Guest, line string) {
	for _, g := range room.guests {
		if g != but {
			g.SendLine([]byte(line))
		}
	}
}

// Guest is one connection: the first line is the guest's name, the others are said
// to the room.
type Guest struct {
	reactor.LineReceiver
	room *Room
	name string
}

func (g *Guest) said(line []byte) {
	if g.name != "" {
		g.room.tell(g, g.name+": "+string(line))
		return
	}
	g.name = string(line)
	g.room.guests = append(g.room.guests, g)
	g.SendLine([]byte("welcome, " + g.name))
	g.room.tell(g, g.name+" has come")
}

func (g *Guest) ConnectionLost(reason error) {
	g.LineReceiver.ConnectionLost(reason)
	if i := slices.Index(g.room.guests, g); i >= 0 {
		g.room.guests = slices.Delete(g.room.guests, i, i+1)
		g.room.tell(g, g.name+" has left")
	}
}

// A chat server, with two guests.
func Example_chat() {
	r := reactor.New()
	port, err := r.Listen("tcp:0:interface=127.0.0.1", &Room{})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer r.Stop()
		ann, annHears := enter(port, "Ann")
		fmt.Println("Ann hears:", annHears())
		bob, bobHears := enter(port, "Bob")
		fmt.Println("Bob hears:", bobHears())
		fmt.Println("Ann hears:", annHears())
		fmt.Fprint(ann, "Hello, Bob!\r\n")
		fmt.Println("Bob hears:", bobHears())
		ann.Close()
		fmt.Println("Bob hears:", bobHears())
		bob.Close()
	}()
	if err := r.Run(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Ann hears: welcome, Ann
	// Bob hears: welcome, Bob
	// Ann hears: Bob has come
	// Bob hears: Ann: Hello, Bob!
	// Bob hears: Ann has left
}

// enter connects a guest, and returns what reads the next line that it hears.
func enter(port *reactor.Port, name string) (c net.Conn, hears func() string) {
	c, err := net.Dial("tcp", port.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(c, "%s\r\n", name)
	lines := bufio.NewScanner(c)
	return c, func() string {
		lines.Scan()
		return lines.Text()
	}
}
