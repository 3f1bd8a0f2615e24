package static

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// This file makes the page of a directory, and its JSON form. It works on a list
// that was read before; nothing here looks at the disk.

//go:embed listing.html
var listingHTML string

var listingPage = template.Must(template.New("listing").Parse(listingHTML))

// listingPolicy lets the page load nothing and run nothing.
const listingPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

// maxListing is how many entries of a directory are shown.
const maxListing = 10_000

// listing is a directory as it is shown.
type listing struct {
	root    []string // the segments of the path that lead to the root of the Dir
	below   []string // those below
	entries []child
	more    bool // there are others, beyond maxListing
	order   order
}

// order is how a listing is sorted: directories first, then by column.
type order struct {
	column     string // name, size or modified
	descending bool
}

// parseOrder reads it from a query: ?sort=size&order=desc. What it does not know
// is sorted by name.
func parseOrder(query string) order {
	values, _ := url.ParseQuery(query)
	o := order{column: values.Get("sort"), descending: values.Get("order") == "desc"}
	if o.column != "size" && o.column != "modified" {
		o.column = "name"
	}
	return o
}

func (o order) query() string {
	q := "?sort=" + o.column
	if o.descending {
		q += "&order=desc"
	}
	return q
}

// sort sorts by o; what is equal there by name.
func (o order) sort(entries []child) {
	slices.SortFunc(entries, func(a, b child) int {
		if a.isDir != b.isDir {
			if a.isDir {
				return -1
			}
			return 1
		}
		c := o.compare(a, b)
		if o.descending {
			c = -c
		}
		return cmp.Or(c, compareNames(a.name, b.name))
	})
}

// compare is the order of the column alone. Directories have no size.
func (o order) compare(a, b child) int {
	switch {
	case o.column == "name":
		return compareNames(a.name, b.name)
	case o.column == "modified":
		return cmp.Compare(a.modified, b.modified)
	case !a.isDir:
		return cmp.Compare(a.size, b.size)
	}
	return 0
}

// compareNames orders as people do: without case, numbers by value (a2 before
// a10); names that are equal so, by their bytes.
func compareNames(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		var c int
		if isDigit(x[0]) && isDigit(y[0]) {
			var m, n string
			m, x = cutNumber(x)
			n, y = cutNumber(y)
			c = cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n))
		} else {
			p, i := utf8.DecodeRuneInString(x)
			q, j := utf8.DecodeRuneInString(y)
			x, y = x[i:], y[j:]
			c = cmp.Compare(unicode.ToLower(p), unicode.ToLower(q))
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// cutNumber cuts the digits off the front of s, without their leading zeros.
func cutNumber(s string) (digits, rest string) {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return strings.TrimLeft(s[:n], "0"), s[n:]
}

// What the template shows.
type (
	crumb struct {
		Name, Href string
		Here       bool
	}
	column struct{ Name, Class, Href, Sorted string }
	row    struct {
		Name, Href, Icon  string
		Size, Time, Stamp string
		Bytes             string
		IsDir             bool
	}
)

// html is the page.
func (l *listing) html() ([]byte, error) {
	l.order.sort(l.entries)
	rows := make([]row, len(l.entries))
	for i, c := range l.entries {
		rows[i] = rowOf(c)
	}
	var b bytes.Buffer
	err := listingPage.Execute(&b, map[string]any{
		"Title":   l.title(),
		"Crumbs":  l.crumbs(),
		"Columns": l.columns(),
		"Parent":  len(l.below) > 0,
		"Rows":    rows,
		"Summary": l.summary(),
	})
	return b.Bytes(), err
}

func (l *listing) title() string {
	return visible("/" + strings.Join(append(slices.Clone(l.root), l.below...), "/"))
}

// crumbs is the path as links, all relative, so that they hold behind a proxy that
// knows this place under another path. They begin at the root of the Dir.
func (l *listing) crumbs() []crumb {
	first := "/"
	if len(l.root) > 0 {
		first = "/" + strings.Join(l.root, "/")
	}
	list := []crumb{{Name: visible(first)}}
	for _, s := range l.below {
		list = append(list, crumb{Name: visible(s)})
	}
	for i := range list {
		up := len(list) - 1 - i
		list[i].Href = "./" + strings.Repeat("../", up)
		list[i].Here = up == 0
	}
	return list
}

// columns is the head of the table: each links to the listing sorted by it, the one
// that it is sorted by to the reverse. Sizes and times begin with the largest.
func (l *listing) columns() []column {
	list := []column{
		{Name: "Name", Class: "name"},
		{Name: "Size", Class: "size"},
		{Name: "Modified (UTC)", Class: "time"},
	}
	for i, by := range [...]string{"name", "size", "modified"} {
		next := order{by, by != "name"}
		if l.order.column == by {
			next.descending = !l.order.descending
			list[i].Sorted = "ascending"
			if l.order.descending {
				list[i].Sorted = "descending"
			}
		}
		list[i].Href = next.query()
	}
	return list
}

func rowOf(c child) row {
	r := row{
		Name: visible(c.name), Href: "./" + escapeSegment(c.name), Icon: "folder",
		IsDir: c.isDir,
	}
	if c.isDir {
		r.Name += "/"
		r.Href += "/"
	} else {
		r.Icon, r.Size, r.Bytes = iconOf(c.name), humanSize(c.size), plural(c.size, "byte")
	}
	if t := c.modTime().UTC(); !t.IsZero() {
		r.Time, r.Stamp = t.Format("2006-01-02 15:04"), t.Format(time.RFC3339)
	}
	return r
}

// visible is a name as it may be shown: without control characters, and without
// those that turn the direction of what follows.
func visible(name string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029' {
			return utf8.RuneError
		}
		return c
	}, strings.ToValidUTF8(name, string(utf8.RuneError)))
}

// iconOf is the icon of the template for a file of that name.
func iconOf(name string) string {
	ext := extension(name)
	switch ext {
	case ".html", ".htm", ".css", ".js", ".mjs", ".cjs", ".json", ".map", ".wasm", ".xml", ".yaml", ".yml", ".toml",
		".c", ".cc", ".cpp", ".h", ".hpp", ".go", ".rs", ".py", ".rb", ".pl", ".java", ".kt", ".swift", ".lua", ".sh", ".jsx", ".tsx", ".sql":
		return "code"
	case ".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".br", ".7z", ".rar", ".tar", ".jar", ".apk", ".deb", ".rpm", ".iso", ".dmg":
		return "archive"
	case ".pdf", ".ps", ".epub", ".doc", ".docx", ".odt":
		return "text"
	}
	switch kind, _, _ := strings.Cut(types[ext], "/"); kind {
	case "image", "text":
		return kind
	case "audio", "video":
		return "media"
	}
	return "file"
}

// humanSize is n bytes in units of a thousand, two digits at least.
func humanSize(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, units := float64(n), " kMGTPE"
	for value >= 999.5 {
		value, units = value/1000, units[1:]
	}
	digits := 0
	if value < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + units[:1] + "B"
}

// summary is one sentence below the table.
func (l *listing) summary() string {
	dirs, files, size := 0, 0, int64(0)
	for _, c := range l.entries {
		if c.isDir {
			dirs++
		} else {
			files, size = files+1, size+c.size
		}
	}
	if l.more {
		return fmt.Sprintf("The first %d entries; there are more.", len(l.entries))
	}
	var parts []string
	if dirs > 0 {
		parts = append(parts, plural(dirs, "folder"))
	}
	if files > 0 {
		parts = append(parts, plural(files, "file")+", "+humanSize(size))
	}
	return strings.Join(parts, " and ")
}

func plural[T int | int64](n T, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.FormatInt(int64(n), 10) + " " + thing + "s"
}

// json is the listing for programs.
func (l *listing) json() ([]byte, error) {
	l.order.sort(l.entries)
	type entry struct {
		Name     string     `json:"name"`
		Href     string     `json:"href"`
		Type     string     `json:"type"`
		Size     *int64     `json:"size,omitempty"`
		Modified *time.Time `json:"modified,omitempty"`
	}
	list := make([]entry, len(l.entries))
	for i, c := range l.entries {
		e := entry{Name: c.name, Href: rowOf(c).Href, Type: "directory"}
		if !c.isDir {
			e.Type, e.Size = "file", &l.entries[i].size
		}
		if t := c.modTime().UTC(); !t.IsZero() {
			e.Modified = &t
		}
		list[i] = e
	}
	body, err := json.Marshal(map[string]any{"path": l.title(), "entries": list, "more": l.more})
	return append(body, '\n'), err
}
