package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/skip2/go-qrcode"
	"golang.org/x/term"

	"spindle/reactor"
	"spindle/site"
	"spindle/site/dev"
)

// This file is what spindle dev shows, and what the keys do. Everything here runs on the
// loop.

// devTerminal shows events as they come. A line that comes again is counted, not shown
// again.
type devTerminal struct {
	d       *devServer
	out     *terminalOut
	colour  bool
	format  site.LogFormat
	last    string      // the line shown last, without its time; of a request, what it asked for
	times   int         // how often it came
	level   int         // 0: all; 1: no requests; 2: what fails only
	saved   *term.State // nil while no keys are taken
	reader  *keyReader  // likewise
	watched bool
	told    time.Duration // of a build that goes on, where lines can not be taken back
}

func newDevTerminal(d *devServer) *devTerminal {
	loop := d.group.Reactors()[0]
	t := &devTerminal{d: d, out: &terminalOut{w: d.errs, clock: loop}, colour: site.ColourTerminal(d.errs)}
	loop.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() *reactor.Deferred[struct{}] {
		t.out.flush()
		return nil
	})
	t.format = site.NewShortFormat(t.colour)
	return t
}

// The colours.
const (
	bold   = "1"
	dimmed = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "36"
)

func (t *devTerminal) paint(colour, s string) string {
	if !t.colour || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// line shows one line, with the time in front of it.
func (t *devTerminal) line(at time.Time, text string) { t.lineLike(at, text, text) }

// lineLike shows one line; it takes the place of the last one if that was of the same kind.
func (t *devTerminal) lineLike(at time.Time, kind, text string) {
	if t.reader != nil && t.reader.typing.Load() {
		t.last = "" // what was typed may stand below it
	}
	if t.last == buildGoesOn && t.colour {
		fmt.Fprint(t.out, "\x1b[1A\x1b[2K")
	}
	if kind == t.last {
		t.times++
		if t.colour {
			fmt.Fprintf(t.out, "\x1b[1A\x1b[2K%s %s %s\n", t.paint(dimmed, at.Format("15:04:05")), text, t.paint(dimmed, fmt.Sprintf("×%d", t.times)))
		}
		return
	}
	if t.times > 1 && !t.colour {
		fmt.Fprintf(t.out, "         (the last line came %d times)\n", t.times)
	}
	t.last, t.times = kind, 1
	fmt.Fprintf(t.out, "%s %s\n", t.paint(dimmed, at.Format("15:04:05")), text)
}

const (
	buildGoesOn = "a build goes on" // what the last line is like
	// firstTold is when a build that goes on is told of first where lines can not be taken
	// back; then it is each time after twice as long.
	firstTold = 5 * time.Second
)

// building shows that a build goes on: on a terminal in a line that the next takes the place
// of.
func (t *devTerminal) building(e dev.Event) {
	if !t.colour {
		if e.Took < max(2*t.told, firstTold) {
			return
		}
		t.told = e.Took
	}
	text := fmt.Sprintf("building, %d s", int(e.Took.Seconds()))
	if e.Text != "" {
		text += ": " + t.shownText(e.Text)
	}
	t.line(e.Time, t.paint(dimmed, text))
	t.last = buildGoesOn
}

// about is the version, and what the console on the page of an error asks for.
func (t *devTerminal) about() {
	fmt.Fprintln(t.out, t.paint(dimmed, "  "+readBuild().name()+", PIN of the console "+t.d.supervisor.PIN()+"\n"))
}

// hint says how more is told.
func (t *devTerminal) hint() {
	for _, p := range t.d.ports {
		if a := p.Addr(); a.IP.IsValid() && !a.IP.IsLoopback() && !t.d.config.Quiet {
			fmt.Fprintln(t.out, t.paint(yellow, "  Others in the network can reach this. It shows sources, and is not made for production.\n"))
			break
		}
	}
	if !t.d.config.Quiet {
		t.showFront()
		t.about()
	}
	if t.keys() {
		fmt.Fprintln(t.out, t.paint(dimmed, "  r starts again, o opens the browser, h lists the other keys\n"))
	}
}

// showFront says where the second port is, with --direct.
func (t *devTerminal) showFront() {
	if t.d.front != "" {
		fmt.Fprintf(t.out, "  The program has this port itself: there pages are not reloaded, requests not\n  recorded, and a build that fails is shown here alone. All of that is at\n  %s\n\n", t.paint(blue, t.d.front))
	}
}

// keys tells whether somebody is there to press them.
func (t *devTerminal) keys() bool {
	return t.d.config.Keys && term.IsTerminal(int(os.Stdin.Fd())) && isTerminal(t.d.errs)
}

// show is told of every event.
func (t *devTerminal) show(e dev.Event) {
	if t.d.config.Quiet && e.Kind != dev.EventFailed && e.Kind != dev.EventNotice && e.Kind != dev.EventTicket && e.Kind != dev.EventOutput {
		return
	}
	switch e.Kind {
	case dev.EventWatching:
		if !t.watched {
			t.watched = true
			t.line(e.Time, t.paint(dimmed, fmt.Sprintf("watching %s", counted(int64(e.Files), "file"))))
		}
	case dev.EventChange:
		if len(e.Paths) > 0 {
			t.line(e.Time, t.paint(blue, shortPaths(e.Paths))+t.paint(dimmed, "  "+e.Action))
		} else {
			t.line(e.Time, t.paint(dimmed, e.Action))
		}
	case dev.EventBuild:
		t.told = 0
	case dev.EventBuilding:
		t.building(e)
	case dev.EventBuilt:
		switch {
		case e.Cached && e.Took > 0:
			t.line(e.Time, t.paint(dimmed, "built before, "+millis(e.Took)))
		case e.Took > 0:
			t.line(e.Time, t.paint(dimmed, "built in "+millis(e.Took)))
		}
	case dev.EventReady:
		t.line(e.Time, t.paint(green, "ready")+t.paint(dimmed, fmt.Sprintf("  %s  generation %d%s", millis(e.Took), e.Generation, pidText(e.PID))))
	case dev.EventFailed:
		t.failure(e.Time, e.Failure)
		t.notify(e.Failure.Title)
	case dev.EventExit:
		name, colour := "the program", red
		if e.Name != "" {
			name = e.Name
		}
		if e.Name != "" && e.Text == "exit status 0" {
			colour = dimmed // it is done
		}
		t.line(e.Time, t.paint(colour, name+" ended: "+e.Text))
	case dev.EventStart:
		if e.Name != "" {
			t.line(e.Time, t.paint(dimmed, e.Name+" runs"+pidText(e.PID)))
		}
	case dev.EventReload:
		t.line(e.Time, t.paint(dimmed, "pages come again"))
	case dev.EventCommand:
		if e.Failure != nil {
			t.failure(e.Time, e.Failure)
		} else {
			t.line(e.Time, t.paint(dimmed, e.Name+": fine"))
		}
	case dev.EventNotice:
		t.line(e.Time, t.paint(yellow, e.Text))
	case dev.EventTicket:
		text := t.paint(red, "ticket") + "  " + t.paint(bold, t.shownText(e.Text)) + "  " + dev.Prefix + "tickets/" + e.Name
		if e.PID != 0 { // there may be a console
			text += t.paint(dimmed, "  PIN of the console "+t.d.supervisor.PIN())
		}
		t.line(e.Time, text)
	case dev.EventHint:
		t.line(e.Time, t.paint(yellow, "hint")+fmt.Sprintf("   %-6s %s  ", e.Method, t.shownText(e.Target))+t.paint(yellow, t.shownText(e.Text)))
	case dev.EventOutput:
		t.output(e)
	}
}

// output shows what a program has printed.
func (t *devTerminal) output(e dev.Event) {
	name := "│"
	if e.Name != "" {
		name = e.Name + " │"
	}
	t.line(e.Time, t.paint(nameColour(e.Name), name)+" "+t.shownText(e.Text))
}

// nameColour is a colour for a name, the same each time.
func nameColour(name string) string {
	if name == "" {
		return dimmed
	}
	sum := 0
	for _, c := range name {
		sum += int(c)
	}
	return []string{"35", "36", "33", "34", "32"}[sum%5]
}

// shownText is what a program has printed, fit for this terminal: colours are left in where
// there are any, and end with the text; what would move the cursor, clear the screen or
// name the window is taken out.
func (t *devTerminal) shownText(s string) string {
	coloured := false
	s = escapes().ReplaceAllStringFunc(s, func(seq string) string {
		if t.colour && strings.HasPrefix(seq, "\x1b[") && strings.HasSuffix(seq, "m") {
			coloured = true
			return seq
		}
		return ""
	})
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && (r != '\x1b' || !coloured) || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
	if coloured {
		s += "\x1b[0m"
	}
	return s
}

// shownLines is shownText of each line, with between between them.
func (t *devTerminal) shownLines(s, between string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = t.shownText(line)
	}
	return strings.Join(lines, between)
}

// escapes is the sequences of ECMA-48: control sequences, strings with or without their
// end, and the short ones.
var escapes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]?|[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~]?)")
})

// failure shows what is wrong, with places that a terminal makes links of.
func (t *devTerminal) failure(at time.Time, f *dev.Failure) {
	t.line(at, t.paint(red, "failed")+"  "+t.paint(bold, f.Title))
	const end = "\n"
	for i, fault := range f.Faults {
		if i == 8 {
			fmt.Fprintf(t.out, "         and %d more%s", len(f.Faults)-i, end)
			break
		}
		place := ""
		if fault.File != "" {
			place = t.paint(blue, fmt.Sprintf("%s:%d:%d", shortPath(fault.File), fault.Line, max(fault.Column, 1))) + ": "
		}
		fmt.Fprintf(t.out, "         %s%s%s", place, t.shownLines(fault.Message, end+"           "), end)
		if fault.Mend != "" {
			fmt.Fprintf(t.out, "           %s %s%s", t.paint(green, "mend:"), fault.Mend, end)
		}
	}
	if len(f.Faults) == 0 && f.Output != "" && f.Stage != "run" && f.Stage != "start" {
		for line := range strings.Lines(f.Output) {
			fmt.Fprint(t.out, "         "+t.shownText(strings.TrimRight(line, "\n"))+end)
		}
	}
	t.last = ""
}

// notify has the terminal show a notice (OSC 9), where one is that knows how.
func (t *devTerminal) notify(text string) {
	if t.colour && t.d.config.Notify {
		fmt.Fprintf(t.out, "\x1b]9;spindle: %s\x07", t.shownText(text))
	}
}

// request shows an exchange.
func (t *devTerminal) request(e *site.Entry) {
	if t.level == 1 || t.level == 2 && e.Status < 500 {
		return
	}
	at := e.Time.Add(e.Duration) // so that lines stand in order
	line := strings.TrimRight(string(t.format(nil, e)), "\n")
	_, text, ok := strings.Cut(line, " ")
	switch {
	case !ok:
	case e.Duration > time.Second:
		t.line(at, text+t.paint(yellow, "  slow"))
	case t.colour: // a page that asks again and again is one line, with the newest time
		t.lineLike(at, fmt.Sprintf("%s %s %d", e.Method, e.Target, e.Status), text)
	default:
		t.line(at, text)
	}
}

func shortPaths(paths []string) string {
	first := shortPath(paths[0])
	if n := len(paths); n > 1 {
		return fmt.Sprintf("%s and %d more", first, n-1)
	}
	return first
}

// shortPath is path as seen from here, if it is not far.
func shortPath(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(here, path)
	if err != nil || strings.HasPrefix(rel, "../..") {
		return path
	}
	return rel
}

func pidText(pid int) string {
	if pid == 0 {
		return ""
	}
	return fmt.Sprintf(", pid %d", pid)
}

func millis(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// key does what a key asks for.
func (t *devTerminal) key(k byte) {
	now, s := time.Now(), t.d.supervisor
	switch k {
	case 'r':
		s.Restart()
	case 'o':
		go t.d.openBrowser()
	case 'u':
		t.out.flush()
		t.d.banner(t.d.errs, machineAddrs())
		t.about()
		t.showFront()
	case 'c':
		fmt.Fprint(t.out, strings.Repeat("\n", 60)+"\x1b[H\x1b[2J") // what was there is scrolled up, not lost
		t.last = ""
	case 'l':
		t.level = (t.level + 1) % 3
		t.line(now, t.paint(dimmed, [...]string{"all requests are shown", "no requests are shown", "requests that fail are shown"}[t.level]))
	case 'p':
		if s.Paused() {
			t.line(now, t.paint(dimmed, "goes on"))
			s.Resume()
		} else {
			s.Pause()
			t.line(now, t.paint(yellow, "paused: saves are not acted on; p goes on"))
		}
	case 'd':
		t.debug(now)
	case 'i':
		t.typeIn(now)
	case 'Q':
		t.qr()
	case 'q', 3, 4: // Ctrl-C, Ctrl-D
		t.d.group.Stop()
	case 'h', '?':
		for _, row := range [][2]string{{"r", "start the program again"}, {"o", "open the browser"}, {"u", "show the addresses"},
			{"Q", "show the address as a QR code"}, {"c", "clear"}, {"l", "show all requests, none, those that fail"},
			{"p", "pause: do not act on saves"}, {"i", "type something for the program to read"},
			{"d", "show what runs, and what is wrong"}, {"q", "quit"}} {
			fmt.Fprintf(t.out, "  %s  %s\n", t.paint(bold, row[0]), row[1])
		}
		t.last = ""
	}
}

// debug shows how things are.
func (t *devTerminal) debug(now time.Time) {
	s := t.d.supervisor
	t.line(now, t.paint(dimmed, "PIN of the console "+s.PIN()))
	t.line(now, s.Describe()+t.paint(dimmed, "  "+s.State()))
	if f := s.Failure(); f != nil {
		t.failure(now, f)
	}
}

// qr draws the address in the network, for a phone.
func (t *devTerminal) qr() {
	url, endpoint := "", "tcp:8080"
	for i, p := range t.d.ports {
		served := servedBy(p)
		if i == 0 && served.IP.IsValid() {
			endpoint = served.endpoint()
		}
		for _, a := range machineAddrs() {
			if served.IP.IsUnspecified() && a.Is4() {
				url = served.url(a)
			}
		}
	}
	if url == "" {
		t.line(time.Now(), t.paint(yellow, "not reachable from the network; --listen "+endpoint+" opens it"))
		return
	}
	text, err := t.drawn(url)
	if err != nil {
		t.line(time.Now(), err.Error())
		return
	}
	fmt.Fprint(t.out, text+"  "+url+"\n")
	t.last = ""
}

// drawn is a QR code of text: white blocks on black, whatever the terminal has, for a reader
// may not take it the other way round.
func (t *devTerminal) drawn(text string) (string, error) {
	code, err := qrcode.New(text, qrcode.Low)
	if err != nil {
		return "", err
	}
	var lines strings.Builder
	for line := range strings.Lines(code.ToSmallString(false)) {
		lines.WriteString(t.paint(whiteOnBlack, strings.TrimSuffix(line, "\n")) + "\n")
	}
	return lines.String(), nil
}

const whiteOnBlack = "38;5;231;48;5;16"
