package resource_test

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

func TestArg(t *testing.T) {
	for target, want := range map[string]string{
		"/?name=a":            "a",
		"/?x=y&name=a&name=b": "a",
		"/?name=a+b%20c":      "a b c",
		"/?n%61me=%E2%82%AC":  "€",
		"/?name=100%":         "100%",
		"/?name=":             "",
		"/?name":              "",
		"/?names=a":           "none",
		"/?name=a;b=c":        "a;b=c",
		"/":                   "none",
		"/?":                  "none",
		"/?&&name=a":          "a",
		"/?name=a=b":          "a=b",
	} {
		got := resourcetest.Get(get(func(r *resource.Request) ([]byte, error) {
			return []byte(r.ArgOr("name", "none")), nil
		}), target)
		if string(got.Body) != want {
			t.Errorf("%s: got %q, want %q", target, got.Body, want)
		}
	}
}

const urlencoded = "application/x-www-form-urlencoded"

// multipart is a form with a value and two files.
const multipart = "--b\r\nContent-Disposition: form-data; name=\"who\"\r\n\r\nme\r\n" +
	"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"C:\\\\dir\\\\a.txt\"\r\nContent-Type: text/plain\r\n\r\nfirst\r\n" +
	"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"b.bin\"\r\n\r\nFILL\r\n--b--\r\n"

// formReader says what is in a form.
func formReader(r *resource.Request) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", r.Args())
	for _, f := range r.Files()["f"] {
		content, err := f.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(content)
		if err != nil || int64(len(data)) != f.Size {
			return nil, fmt.Errorf("%d bytes of %d, %v", len(data), f.Size, err)
		}
		fmt.Fprintf(&b, " %s(%s)=%.10s:%d", f.Name, f.ContentType, data, f.Size)
	}
	return []byte(b.String()), nil
}

func TestForms(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	for _, row := range []struct {
		name, contentType, body, want string
		status                        int
	}{
		{"urlencoded", urlencoded, "a=1&b=x+y%21&a=2", "map[a:[q 1 2] b:[x y!]]", 200},
		{"with a parameter", urlencoded + "; charset=utf-8", "a=1", "map[a:[q 1]]", 200},
		{"no form", "text/plain", "a=1", "map[a:[q]]", 200},
		{"no type", "", "a=1", "map[a:[q]]", 200},
		{"a bad escape stands for itself", urlencoded, "b=100%", "map[a:[q] b:[100%]]", 200},
		{"multipart", "multipart/form-data; boundary=b", multipart,
			"map[a:[q] who:[me]] a.txt(text/plain)=first:5 b.bin()=FILL:4", 200},
		{"multipart, in a file", "multipart/form-data; boundary=b", strings.Replace(multipart, "FILL", long, 1),
			"map[a:[q] who:[me]] a.txt(text/plain)=first:5 b.bin()=0123456789:200000", 200},
		{"urlencoded, in a file", urlencoded, "b=" + strings.Repeat("x", 100_000), "map[a:[q] b:[" + strings.Repeat("x", 100_000) + "]]", 200},
		{"no boundary", "multipart/form-data", multipart, "", 400},
		{"cut off", "multipart/form-data; boundary=b", multipart[:100], "", 400},
		{"cut off, in a file", "multipart/form-data; boundary=b", multipart[:len(multipart)-8] + long, "", 400},
		{"too many fields", urlencoded, strings.Repeat("a=1&", 1001), "", 413},
	} {
		for cut, split := range map[string]reactortest.Split{"whole": reactortest.Whole, "cut": reactortest.Cut(3)} {
			t.Run(row.name+", "+cut, func(t *testing.T) {
				s := resourcetest.New(post(formReader))
				defer s.Loop.Close()
				s.TempDir = t.TempDir()
				h := resourcetest.Head("POST", "/?a=q", fields("Content-Type", row.contentType))
				h.ContentLength = int64(len(row.body))
				x := s.Open(h)
				sendIn(x, []byte(row.body), split)
				x.Wait()
				wantStatus(t, &x.Response, row.status)
				if row.status == 200 {
					wantBody(t, &x.Response, row.want)
				}
			})
		}
	}
}

func TestFormValuesComeAfterTheQuery(t *testing.T) {
	got := resourcetest.Do(post(func(r *resource.Request) ([]byte, error) {
		return []byte(r.Arg("both") + " " + r.Arg("form") + " " + r.Arg("none")), nil
	}), "POST", "/?both=query", fields("Content-Type", urlencoded), []byte("both=form&form=form"))
	wantBody(t, got, "query form ")
}

func TestCheckForm(t *testing.T) {
	acted := false
	root := post(func(r *resource.Request) ([]byte, error) {
		if err := r.CheckForm(); err != nil {
			return nil, err
		}
		acted = true
		return nil, nil
	})
	bad := fields("Content-Type", "multipart/form-data; boundary=b")
	if got := resourcetest.Do(root, "POST", "/", bad, []byte("nothing")); got.Status != 400 || acted {
		t.Errorf("acted %v, got %s", acted, got)
	}
	good := fields("Content-Type", urlencoded)
	if got := resourcetest.Do(root, "POST", "/", good, []byte("a=b")); got.Status != 200 || !acted {
		t.Errorf("acted %v, got %s", acted, got)
	}
	if got := resourcetest.Do(root, "POST", "/", good, nil); got.Status != 200 {
		t.Errorf("without content: got %s", got)
	}
}

func TestFormLimits(t *testing.T) {
	s := resourcetest.New(post(formReader))
	s.MaxFormFields, s.MaxFormValueBytes = 2, 10
	head := fields("Content-Type", urlencoded)
	for body, status := range map[string]int{"a=1&b=2": 200, "a=1&b=2&c=3": 413, "a=12345678": 200, "a=123456789": 413} {
		if got := s.Do("POST", "/", head, []byte(body)); got.Status != status {
			t.Errorf("%s: status %d, want %d", body, got.Status, status)
		}
	}
}

func TestFile(t *testing.T) {
	got := resourcetest.Do(post(func(r *resource.Request) ([]byte, error) {
		if r.File("none") != nil {
			t.Error("a file that is not there")
		}
		f := r.File("f")
		if want := fields("Content-Disposition", `form-data; name="f"; filename="C:\\dir\\a.txt"`, "Content-Type", "text/plain"); !reflect.DeepEqual(f.Fields, want) {
			t.Errorf("fields %v, want %v", f.Fields, want)
		}
		content, _ := f.Open()
		defer content.Close()
		content.Seek(-3, io.SeekEnd)
		data, err := io.ReadAll(content)
		return data, err
	}), "POST", "/", fields("Content-Type", "multipart/form-data; boundary=b"), []byte(multipart))
	wantBody(t, got, "rst")
}

func TestCookieAndFields(t *testing.T) {
	head := fields("Cookie", "a=1; b=two", "X-A", "1", "x-a", "2")
	got := resourcetest.Do(get(func(r *resource.Request) ([]byte, error) {
		b, ok := r.Cookie("b")
		_, none := r.Cookie("c")
		return fmt.Appendf(nil, "%s %v %v %v %q %v %v", b, ok, none, r.FieldValues("x-A"), r.Field("X-B"),
			r.FieldBytes("X-B") == nil, reflect.DeepEqual(r.Fields(), head)), nil
	}), "GET", "/", head, nil)
	wantBody(t, got, `two true false [1 2] "" true true`)
}

func TestRequestLine(t *testing.T) {
	got := resourcetest.Get(get(func(r *resource.Request) ([]byte, error) {
		return fmt.Appendf(nil, "%s %s %s %s %v %s %v", r.Method(), r.Target(), r.Path(), r.Query(),
			r.Version() == protocol.HTTP11, r.Authority(), r.QueryBytes() == nil), nil
	}), "/a%20b?c=d")
	wantBody(t, got, "GET /a%20b?c=d /a%20b c=d true example.com false")
}
