package resource

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	nl      = "\r\n"
	disp    = `Content-Disposition: form-data; name=`
	partA   = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
	fileF   = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.txt\"\r\nContent-Type: text/plain\r\n\r\n"
	closing = "\r\n--x--\r\n"
)

// one is a content with one part of that head and content.
func one(head, content string) string { return "--x" + nl + head + nl + nl + content + closing }

func TestMultipartParser(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    string
	}{
		{"RFC 7578 §4.2 a value", partA + "1" + closing, `"a"="1"`},
		{"RFC 7578 §4.3 two of a name", partA + "1" + nl + partA + "2" + closing, `"a"="1" "a"="2"`},
		{"RFC 7578 §4.2 a file", fileF + "one\r\ntwo" + closing, `"f":"f.txt" "text/plain" "one\r\ntwo"`},
		{"RFC 7578 §4.2 a value and a file", partA + "1" + nl + fileF + "\x00\xff" + closing, `"a"="1" "f":"f.txt" "text/plain" "\x00\xff"`},
		{"RFC 2046 §5.1.1 no line end at the end", partA + "1\r\n--x--", `"a"="1"`},
		{"RFC 2046 §5.1.1 blanks and epilogue", partA + "1\r\n--x-- \t\r\nanything\r\n--x\r\n", `"a"="1"`},
		{"RFC 2046 §5.1.1 cut in the last line end", partA + "1\r\n--x--\r", `400`},
		{"RFC 2046 §5.1.1 a line end before", nl + partA + "1" + closing, `"a"="1"`},
		{"RFC 2046 §5.1.1 blanks behind the boundary", "--x \t" + nl + disp + `"a"` + nl + nl + "1" + closing, `"a"="1"`},
		{"RFC 2046 §5.1.1 empty content", partA + closing, `"a"=""`},
		{"RFC 2046 §5.1.1 empty content without its line", partA + "--x--", `"a"=""`},
		{"RFC 2046 §5.1.1 almost a delimiter", partA + "\r\n--\r\n-\r\r\n--y\r\n--" + closing, `"a"="\r\n--\r\n-\r\r\n--y\r\n--"`},
		{"RFC 2046 §5.1.1 almost a delimiter at the start", partA + "--y" + closing, `"a"="--y"`},
		{"RFC 2046 §5.1.1 the boundary in a line's midst", partA + "a--x--" + closing, `"a"="a--x--"`},
		{"RFC 2046 §5.1.1 bare LF before a boundary", partA + "1\n--x--\r\n" + closing, `"a"="1\n--x--\r\n"`},
		{"HTML §4.10.22.8 no fields at all", "--x--\r\n", ``},
		{"HTML §4.10.22.8 no file chosen", one(disp+`"f"; filename=""`+nl+"Content-Type: application/octet-stream", ""), ``},
		{"a file without a name but with content", one(disp+`"f"; filename=""`, "z"), `"f":"" "" "z"`},
		{"RFC 7578 §4.2 empty name", one(disp+`""`, "1"), `""="1"`},
		{"RFC 7578 §4.4 a value with a type", one(disp+`"a"`+nl+"Content-Type: application/json", "{}"), `"a"="{}"`},
		{"RFC 7578 §5.1.3 field names have no case", one("content-disposition:FORM-DATA;NAME=a", "1"), `"a"="1"`},
		{"RFC 7578 §4.7 an encoding that changes nothing", one(disp+`"a"`+nl+"Content-Transfer-Encoding: 8BIT", "1"), `"a"="1"`},

		{"empty", "", `400`},
		{"RFC 2046 §5.1.1 preamble", "hello\r\n" + partA + "1" + closing, `400`},
		{"RFC 2046 §5.1.1 two line ends before", nl + nl + partA + "1" + closing, `400`},
		{"RFC 2046 §5.1.1 bare LF before", "\n" + partA + "1" + closing, `400`},
		{"RFC 2046 §5.1.1 no boundary at all", "hello", `400`},
		{"RFC 2046 §5.1.1 cut in a part", partA + "1", `400`},
		{"RFC 2046 §5.1.1 cut in the delimiter", partA + "1\r\n--", `400`},
		{"RFC 2046 §5.1.1 cut behind the delimiter", partA + "1\r\n--x", `400`},
		{"RFC 2046 §5.1.1 cut in the closing", partA + "1\r\n--x-", `400`},
		{"RFC 2046 §5.1.1 cut in the head", "--x\r\nContent-Disp", `400`},
		{"RFC 2046 §5.1.1 a longer boundary", partA + "1\r\n--xy\r\n" + closing, `400`},
		{"RFC 2046 §5.1.1 something behind the closing", partA + "1\r\n--x--y", `400`},
		{"RFC 2046 §5.1.1 bare LF behind the boundary", "--x\n" + disp + "\"a\"\r\n\r\n1" + closing, `400`},
		{"RFC 2046 §5.1.1 bare CR behind the boundary", "--x\rx", `400`},
		{"RFC 2046 §5.1.1 bare LF in the head", "--x\r\n" + disp + "\"a\"\nA: b\r\n\r\n1" + closing, `400`},
		{"RFC 2046 §5.1.1 bare LF ends no head", "--x\r\n" + disp + "\"a\"\n\n1" + closing, `400`},
		{"RFC 2046 §5.1.1 no head", "--x\r\n\r\n1" + closing, `400`},
		{"RFC 5322 §2.2.3 folded field", one(disp+nl+` "a"`, "1"), `400`},
		{"RFC 5322 §2.2 blank before the colon", one(`Content-Disposition : form-data; name="a"`, "1"), `400`},
		{"RFC 5322 §2.2 no colon", one(disp+`"a"`+nl+"x", "1"), `400`},
		{"RFC 5322 §2.2 NUL", one(disp+`"a"`+nl+"A: \x00", "1"), `400`},
		{"RFC 7578 §4.2 no disposition", one("Content-Type: text/plain", "1"), `400`},
		{"RFC 7578 §4.2 two dispositions", one(disp+`"a"`+nl+disp+`"b"`, "1"), `400`},
		{"RFC 7578 §4.2 another disposition", one(`Content-Disposition: attachment; name="a"`, "1"), `400`},
		{"RFC 7578 §4.7 an encoding to be undone", one(disp+`"a"`+nl+"Content-Transfer-Encoding: base64", "1"), `400`},
	} {
		if got := feed(newMultipartParser("x", formLimits{}), []byte(c.in)); got != c.want {
			t.Errorf("%s: %q gives %s, want %s", c.why, c.in, got, c.want)
		}
		if got := feedByByte(newMultipartParser("x", formLimits{}), []byte(c.in)); got != c.want {
			t.Errorf("%s: %q byte by byte gives %s, want %s", c.why, c.in, got, c.want)
		}
		for i := range len(c.in) {
			if got := feed(newMultipartParser("x", formLimits{}), []byte(c.in), i); got != c.want {
				t.Errorf("%s: %q cut at %d gives %s, want %s", c.why, c.in, i, got, c.want)
			}
		}
	}
}

func TestDisposition(t *testing.T) {
	for _, c := range []struct {
		why, in        string
		name, filename string // name "-": refused
		file           bool
	}{
		{"RFC 7578 §4.2", `form-data; name="a"; filename="b.txt"`, "a", "b.txt", true},
		{"RFC 7578 §4.2 no quotes", `form-data;name=a;filename=b.txt;`, "a", "b.txt", true},
		{"RFC 7578 §4.2 order", `form-data; filename="b"; name="a"`, "a", "b", true},
		{"HTML §4.10.22.8 UTF-8 as it is", `form-data; name="ü"; filename="é.txt"`, "ü", "é.txt", true},
		{"HTML §4.10.22.8 quotes and line ends in a name", `form-data; name="a%22b%0D%0Ac%25"`, "a\"b\r\nc%25", "", false},
		{"HTML §4.10.22.8 quotes in a file name, line ends stay", `form-data; name=a; filename="a%22b%0D%0A%41"`, "a", `a"b%0D%0A%41`, true},
		{"RFC 822 §3.3 quoted pairs", `form-data; name="a\"b\\c\d"`, `a"b\c\d`, "", false},
		{"RFC 7578 §4.2 path of Windows", `form-data; name=a; filename="C:\dir\file.txt"`, "a", "file.txt", true},
		{"RFC 7578 §4.2 path of Unix", `form-data; name=a; filename="../../etc/passwd"`, "a", "passwd", true},
		{"RFC 7578 §4.2 path that ends", `form-data; name=a; filename="dir/"`, "a", "", true},
		{"RFC 7578 §4.2 ..", `form-data; name=a; filename=".."`, "a", "", true},
		{"RFC 7578 §4.2 .. behind a slash", `form-data; name=a; filename="x\.."`, "a", "", true},
		{"semicolon in quotes", `form-data; name="a; filename=b"`, "a; filename=b", "", false},
		{"RFC 8187 §3.2 UTF-8", `form-data; name=a; filename="x"; filename*=UTF-8''%E2%82%AC.txt`, "a", "€.txt", true},
		{"RFC 6266 §4.3 filename* wins in any order", `form-data; name=a; filename*=utf-8'en'b; filename="x"`, "a", "b", true},
		{"RFC 8187 §3.2 ISO-8859-1", `form-data; name=a; filename*=ISO-8859-1''%e9`, "a", "é", true},
		{"RFC 8187 §3.2 a path by escape", `form-data; name=a; filename*=UTF-8''..%2f..%5Cx`, "a", "x", true},
		{"RFC 8187 §3.2 NUL", `form-data; name=a; filename*=UTF-8''a%00b`, "-", "", false},
		{"RFC 8187 §3.2 control byte", `form-data; name=a; filename*=UTF-8''a%0ab`, "-", "", false},
		{"RFC 8187 §3.2 not UTF-8", `form-data; name=a; filename*=UTF-8''%e9`, "-", "", false},
		{"RFC 8187 §3.2 another charset", `form-data; name=a; filename*=koi8-r''%e9`, "-", "", false},
		{"RFC 8187 §3.2 bad escape", `form-data; name=a; filename*=UTF-8''%e`, "-", "", false},
		{"RFC 8187 §3.2 no language", `form-data; name=a; filename*=UTF-8'x`, "-", "", false},
		{"RFC 2231 §3 pieces", `form-data; name=a; filename*0="x"`, "-", "", false},
		{"twice", `form-data; name=a; name=b`, "-", "", false},
		{"twice, with case", `form-data; name=a; filename=b; FileName=c`, "-", "", false},
		{"no name", `form-data; filename=b`, "-", "", false},
		{"nothing", `form-data`, "-", "", false},
		{"no value", `form-data; name=`, "-", "", false},
		{"no =", `form-data; name`, "-", "", false},
		{"blank around =", `form-data; name ="a"`, "-", "", false},
		{"no end of quotes", `form-data; name="a`, "-", "", false},
		{"an escaped end", `form-data; name="a\"`, "-", "", false},
		{"something behind the quotes", `form-data; name="a"b`, "-", "", false},
		{"no ;", `form-data; name=a b`, "-", "", false},
		{"limit: 16 parameters", `form-data; name=a` + strings.Repeat(";p=1", 0) + manyDispositionParams(15), "a", "", false},
		{"limit: 17 parameters", `form-data; name=a` + manyDispositionParams(16), "-", "", false},
	} {
		d, err := parseDisposition(c.in)
		if (err != nil) != (c.name == "-") || err == nil && (d.name != c.name || d.filename != c.filename || d.file != c.file) {
			t.Errorf("%s: %s is %+v, %v", c.why, c.in, d, err)
		}
	}
}

func manyDispositionParams(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ";p%d=1", i)
	}
	return b.String()
}

func TestMultipartLimits(t *testing.T) {
	head := disp + `"a"`
	file := disp + `"f"; filename="f"`
	for _, c := range []struct {
		why, in string
		limits  formLimits
		want    string
	}{
		{"2 parts", partA + nl + partA + closing, formLimits{fields: 2}, `"a"="" "a"=""`},
		{"3 parts", partA + nl + partA + nl + partA + closing, formLimits{fields: 2}, `413`},
		{"a head of n", one(head, "1"), formLimits{partHead: len(head) + 4}, `"a"="1"`},
		{"a head of n+1", one(head, "1"), formLimits{partHead: len(head) + 3}, `413`},
		{"a head without end", "--x\r\n" + strings.Repeat("x", 9<<10), formLimits{}, `413`},
		{"a value of 5", one(head, "12345"), formLimits{value: 5}, `"a"="12345"`},
		{"a value of 6", one(head, "123456"), formLimits{value: 5}, `413`},
		{"a value of 6, of which a start of the delimiter", one(head, "12\r\n--"), formLimits{value: 5}, `413`},
		{"a file has no limit of values", one(file, "123456"), formLimits{value: 5}, `"f":"f" "" "123456"`},
		{"a file of 5", one(file, "12345"), formLimits{file: 5}, `"f":"f" "" "12345"`},
		{"a file of 6", one(file, "123456"), formLimits{file: 5}, `413`},
		{"all of n", one(head, "1"), formLimits{total: int64(len(one(head, "1")))}, `"a"="1"`},
		{"all of n+1", one(head, "1"), formLimits{total: int64(len(one(head, "1")) - 1)}, `413`},
		{"none", one(file, "123456"), formLimits{fields: -1, partHead: -1, value: -1, file: -1, total: -1}, `"f":"f" "" "123456"`},
	} {
		if got := feed(newMultipartParser("x", c.limits), []byte(c.in)); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
		if got := feedByByte(newMultipartParser("x", c.limits), []byte(c.in)); got != c.want {
			t.Errorf("%s byte by byte: %s, want %s", c.why, got, c.want)
		}
	}
}

// TestMultipartFilesTakeNoMemory feeds a long file and looks at what is kept.
func TestMultipartFilesTakeNoMemory(t *testing.T) {
	p := newMultipartParser("x", formLimits{})
	p.Write([]byte(fileF))
	piece := bytes.Repeat([]byte("\r\n--almost"), 6000)
	if n := testing.AllocsPerRun(100, func() { p.Write(piece) }); n != 0 {
		t.Errorf("%v allocations for a piece of a file", n)
	}
	p.Write([]byte(closing))
	if err := p.Close(); err != nil || len(p.form.files) != 1 || p.form.files[0].size != 101*int64(len(piece)) {
		t.Errorf("%v %+v", err, p.form)
	}
}

// FuzzMultipart: the split law and bounds, and what is accepted here is what
// mime/multipart reads. It is laxer: it takes bare LF, folded fields and parts
// without a name; its file names are not those of browsers, so only theirs without
// "%" and "\" are compared.
func FuzzMultipart(f *testing.F) {
	for _, s := range []string{partA + "1" + closing, fileF + "\r\n--xx" + closing, "p\r\n--x \r\n", partA + "--x--", "--x--",
		one(disp+`"a\"b"; filename*=UTF-8''x`, "\r\n-")} {
		f.Add([]byte(s), uint16(5), uint16(30))
	}
	f.Fuzz(checkMultipart)
}

// FuzzMultipartWords is the same for content put together of words that mean
// something, which bytes by chance seldom do.
func FuzzMultipartWords(f *testing.F) {
	words := []string{"\r\n", "--x", "--", "\r", "\n", "-", "a", " ", partA, fileF, closing, partA + "1" + nl, fileF + "22" + nl,
		disp + `"b"`, `; filename="c"`, nl + nl, "Content-Type: text/plain\r\n", "x", "\r\n--", "\r\n--x"}
	f.Add([]byte{8, 6, 10}, uint16(5), uint16(30))
	f.Add([]byte{8, 18, 19, 0, 9, 6, 10}, uint16(50), uint16(80))
	f.Add([]byte{1, 0, 13, 14, 0, 16, 0, 6, 10}, uint16(50), uint16(80))
	f.Fuzz(func(t *testing.T, picks []byte, i, j uint16) {
		var in []byte
		for _, pick := range picks[:min(len(picks), 30)] {
			in = append(in, words[int(pick)%len(words)]...)
		}
		checkMultipart(t, in, i, j)
	})
}

func checkMultipart(t *testing.T, in []byte, i, j uint16) {
	limits := formLimits{fields: 3, partHead: 150, value: 20, file: 30, total: 400}
	whole := feed(newMultipartParser("x", limits), in)
	cut := feed(newMultipartParser("x", limits), in, int(i)%(len(in)+1), int(j)%(len(in)+1))
	if bytewise := feedByByte(newMultipartParser("x", limits), in); whole != cut || whole != bytewise {
		t.Fatalf("%q\nwhole: %s\ncut: %s\nbyte by byte: %s", in, whole, cut, bytewise)
	}
	p := newMultipartParser("x", formLimits{})
	p.Write(in)
	if p.Close() == nil && !bytes.ContainsAny(in, `%\*`) {
		compareWithMime(t, in, p.form)
	}
}

func compareWithMime(t *testing.T, in []byte, got form) {
	var want []string
	r := multipart.NewReader(bytes.NewReader(in), "x")
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("mime/multipart says %v", err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatalf("mime/multipart says %v", err)
		}
		_, params, _ := strings.Cut(p.Header.Get("Content-Disposition"), ";")
		if name := p.FileName(); strings.Contains(strings.ToLower(params), "filename") && (name != "" || len(content) > 0) {
			if name == "." || name == string(filepath.Separator) {
				name = ""
			}
			want = append(want, fmt.Sprintf("%q:%q", name, content))
		} else if name == "" && !strings.Contains(strings.ToLower(params), "filename") {
			want = append(want, fmt.Sprintf("%q=%q", p.FormName(), content))
		}
	}
	var have []string
	for _, v := range got.values {
		have = append(have, fmt.Sprintf("%q=%q", v.name, v.value))
	}
	for _, v := range got.files {
		have = append(have, fmt.Sprintf("%q:%q", v.filename, in[v.offset:v.offset+v.size]))
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("%q:\n%q here\n%q to mime/multipart", in, have, want)
	}
}

func BenchmarkMultipart(b *testing.B) {
	piece := bytes.Repeat([]byte("0123456789abcde\n"), 4096)
	p := newMultipartParser("----WebKitFormBoundaryPzgGUq9aFVhVxJmN", formLimits{})
	p.Write([]byte("------WebKitFormBoundaryPzgGUq9aFVhVxJmN\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n"))
	b.SetBytes(int64(len(piece)))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Write(piece); err != nil {
			b.Fatal(err)
		}
	}
}
