package resource_test

import (
	"errors"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// Hello is the smallest resource.
type Hello struct{ resource.Leaf }

func (Hello) RenderGET(r *resource.Request) ([]byte, error) {
	return []byte("Hello, " + r.ArgOr("name", "world") + "\n"), nil
}

func Example() {
	fmt.Println(resourcetest.Get(Hello{}, "/?name=Ann"))
	// Output:
	// 200 OK
	// Content-Type: text/plain; charset=utf-8
	//
	// Hello, Ann
}

// Static dispatch: resources under names.
func ExampleTree() {
	root := new(resource.Tree).
		PutChild("", resource.NewData([]byte("the front page"), "text/plain")).
		PutChild("hello", Hello{}).
		PutChild("old", resource.Redirect{URL: "/hello", Status: 301})

	for _, target := range []string{"/", "/hello", "/old", "/none"} {
		got := resourcetest.Get(root, target)
		fmt.Printf("%s %d %q\n", target, got.Status, got.Field("Location"))
	}
	// Output:
	// / 200 ""
	// /hello 200 ""
	// /old 301 "/hello"
	// /none 404 ""
}

// Calendar makes a resource for each year that is asked for.
type Calendar struct{ resource.Tree }

func (*Calendar) Child(name string, _ *resource.Request) resource.Resource {
	year, err := strconv.Atoi(name)
	if err != nil {
		return nil // 404
	}
	return Year{n: year}
}

// Year is a page of Calendar.
type Year struct {
	resource.Leaf
	n int
}

func (y Year) RenderGET(*resource.Request) ([]byte, error) {
	leap := time.Date(y.n, 2, 29, 0, 0, 0, 0, time.UTC).Day() == 29
	return fmt.Appendf(nil, "%d: leap year %v", y.n, leap), nil
}

// Dynamic children: what was put in comes first, Child has the rest.
func ExampleResource_child() {
	calendar := new(Calendar)
	calendar.PutChild("now", Year{n: 2024})
	for _, target := range []string{"/1999", "/now", "/never"} {
		got := resourcetest.Get(calendar, target)
		fmt.Println(got.Status, strings.SplitN(string(got.Body), "\n", 2)[0])
	}
	// Output:
	// 200 1999: leap year false
	// 200 2024: leap year true
	// 404 404 Not Found
}

// Paid is a page that costs something.
type Paid struct{ resource.Leaf }

func (Paid) RenderGET(r *resource.Request) ([]byte, error) {
	switch r.Arg("coin") {
	case "":
		r.SetStatus(402)
		return r.HTML("<p>A coin, please.</p>")
	case "false":
		return nil, &resource.Error{Status: 403, Detail: "That is no coin."}
	}
	return nil, errors.New("the till is stuck") // 500; the cause is in the log only
}

// Error pages and statuses of one's own. The page is HTML, JSON or plain text, as the
// client likes; Dispatcher.ErrorPage and Site.ErrorPage draw all of them in another way.
func ExampleError() {
	fmt.Println(resourcetest.Get(Paid{}, "/").Status)
	fmt.Print(resourcetest.Get(Paid{}, "/?coin=false"))
	// Output:
	// 402
	// 403 Forbidden
	// Vary: Accept
	// Content-Type: text/plain; charset=utf-8
	//
	// 403 Forbidden
	// That is no coin.
}

// Guestbook shows a form and takes it.
type Guestbook struct {
	resource.Leaf
	names []string
}

func (g *Guestbook) RenderGET(r *resource.Request) ([]byte, error) {
	return r.HTML(`<form method="POST"><input name="who"></form>` + html.EscapeString(strings.Join(g.names, ", ")))
}

func (g *Guestbook) RenderPOST(r *resource.Request) ([]byte, error) {
	g.names = append(g.names, r.Arg("who"))
	return r.Redirect("/")
}

// Forms: Arg reads the query and the form, File the files of an upload.
func ExampleRequest_Arg() {
	book := new(Guestbook)
	form := protocol.Fields{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}
	got := resourcetest.Do(book, "POST", "/", form, []byte("who=Ann+%3Cb%3E"))
	fmt.Println(got.Status, got.Field("Location"))
	fmt.Printf("%s\n", resourcetest.Get(book, "/").Body)
	// Output:
	// 302 /
	// <form method="POST"><input name="who"></form>Ann &lt;b&gt;
}

// Count answers with the length of whatever is put.
type Count struct{ resource.Leaf }

func (Count) RenderPUT(r *resource.Request) ([]byte, error) {
	n, err := io.Copy(io.Discard, r.Body())
	return fmt.Appendf(nil, "%d bytes", n), err
}

// Other content: as bytes, as a reader, or as a stream (Request.StreamBody).
func ExampleRequest_Body() {
	fmt.Printf("%s\n", resourcetest.Do(Count{}, "PUT", "/", nil, make([]byte, 1000)).Body)
	// Output: 1000 bytes
}

// Slow answers after five seconds, unless the client leaves before.
type Slow struct{ resource.Leaf }

func (Slow) RenderGET(r *resource.Request) ([]byte, error) {
	timer := r.Loop().CallLater(5*time.Second, func() {
		r.WriteString("sorry to keep you waiting")
		r.Finish()
	})
	r.NotifyFinish(func(err error) {
		if err != nil {
			fmt.Println("the client left:", err)
			timer.Cancel()
		}
	})
	return nil, resource.NotDoneYet
}

// A delayed answer, and one that is interrupted.
func ExampleRequest_NotifyFinish() {
	s := resourcetest.New(Slow{})
	fmt.Printf("%s\n", s.Get("/").Body)

	x := s.Start("GET", "/", nil, nil)
	s.Loop.Advance(2 * time.Second)
	x.Lose(reactor.ErrDone)
	// Output:
	// sorry to keep you waiting
	// the client left: reactor: connection done
}

// Report takes long to make: a thread does it.
type Report struct{ resource.Leaf }

func (Report) RenderGET(r *resource.Request) ([]byte, error) {
	pages := reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() (int, error) {
		return 42, nil // what blocks, off the loop
	})
	return resource.Later(r, pages, func(n int) ([]byte, error) {
		return r.JSON(map[string]int{"pages": n}) // on the loop again
	})
}

// An answer that comes from a Deferred.
func ExampleLater() {
	fmt.Printf("%s", resourcetest.Get(Report{}, "/").Body)
	// Output: {"pages":42}
}

// Wrap sees every request for a whole subtree.
func ExampleWrap() {
	inner := new(resource.Tree).PutChild("secret", Hello{})
	root := resource.Wrap(inner, func(r *resource.Request) error {
		r.SetField("X-Frame-Options", "DENY")
		if r.Arg("key") != "42" {
			return resource.ErrForbidden
		}
		return nil
	})
	fmt.Println(resourcetest.Get(root, "/secret").Status, resourcetest.Get(root, "/secret?key=42").Status)
	// Output: 403 200
}
