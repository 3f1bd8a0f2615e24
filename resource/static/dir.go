package static

import (
	"io/fs"
	"strconv"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// Dir serves the files below a directory, or of any fs.FS. It answers GET and
// HEAD; what is asked with another method gets 405, unless a processor takes it.
//
// The fields are set before the first request and not changed afterwards. Zero is
// the default that is named, negative is off. A Dir belongs to one loop; a
// reactor.Group makes one for each.
type Dir struct {
	// Path is the directory, or the one file, to serve. It is looked up again as
	// time goes by: a link that is switched to another release takes effect.
	Path string
	// FS is served in place of Path when it is not nil.
	FS fs.FS

	// Index is the files that answer for a directory, the first that is there;
	// nil means index.html. An empty list that is not nil means none.
	Index []string
	// Listing shows a directory that has no index file; else it is 403.
	Listing bool
	// DotFiles also serves names that begin with a dot. Below /.well-known/
	// they are always served.
	DotFiles bool
	// FollowSymlinks is FollowInside, FollowAll or FollowNone. For an FS it has
	// no meaning.
	FollowSymlinks SymlinkPolicy
	// Fallback is the name of the file that answers, with status 200, for what
	// is not found when the client wants a page: it accepts text/html by name, or
	// the last segment has no dot (and it accepts it at all). Applications that
	// route in the browser want "index.html".
	Fallback string
	// NotFound answers with status 404 in place of the stock page.
	NotFound resource.Resource

	// Types is the Content-Type by extension (".md", in lower case); it comes
	// before the built-in table.
	Types map[string]string
	// DefaultType is that of every other file; "" means
	// application/octet-stream.
	DefaultType string
	// Precompressed is the extensions of siblings that are sent to a client that
	// accepts their coding, in order of preference: ".br", ".zst", ".gz". A
	// sibling that is older than the file is left alone.
	Precompressed []string
	// Processors makes the resource that answers for a file of that extension
	// (in lower case), from where the file is. Segments that follow the file's
	// are left in Postpath.
	Processors map[string]func(path string) resource.Resource

	// MaxAge is sent as Cache-Control: max-age. 0 sends none, a negative one
	// sends no-cache: caches ask each time.
	MaxAge time.Duration
	// CacheControl is sent as it is, in place of what MaxAge says.
	CacheControl string

	// Revalidate is how long an answer from memory goes without a look at the
	// disk; 0 means one second, negative looks at every request.
	Revalidate time.Duration
	// CacheBytes bounds the memory for files of up to 64 KiB; 0 means 16 MiB,
	// negative keeps nothing.
	CacheBytes int64
	// CacheFiles bounds the larger files that are kept open; 0 means 64,
	// negative keeps none. Downloads of one file share it in any case.
	CacheFiles int

	state *state // made by the first request
}

// New makes a Dir of a directory of the machine, or of one file.
func New(path string) *Dir { return &Dir{Path: path} }

// FS makes a Dir of a file system.
func FS(fsys fs.FS) *Dir { return &Dir{FS: fsys} }

// state is what a Dir works with. Loop only, but for source and config's fields,
// which do not change.
type state struct {
	source source
	cache  *cache
	loads  map[string]*load // under way, by key
	// listings are those under way: who asks for the same meanwhile shares it
	listings map[listingKey]*reactor.Deferred[made]
	leaf     leaf
}

const (
	defaultRevalidate = time.Second
	defaultCacheBytes = 16 << 20
	defaultCacheFiles = 64
	// memoryBytes is the size up to which a file is sent from memory.
	memoryBytes = 64 << 10
)

var defaultIndex = []string{"index.html"}

func (d *Dir) start() {
	d.check()
	d.state = &state{
		source:   d.newSource(),
		cache:    newCache(orDefault(d.CacheBytes, defaultCacheBytes), orDefault(d.CacheFiles, defaultCacheFiles)),
		loads:    make(map[string]*load),
		listings: make(map[listingKey]*reactor.Deferred[made]),
		leaf:     leaf{dir: d},
	}
}

// check panics on fields that can not be meant: what is sent is not checked again
// for each answer, and names must be those of files below the root.
func (d *Dir) check() {
	must := func(ok bool, field, value string) {
		if !ok {
			panic("static: " + field + ": " + strconv.Quote(value))
		}
	}
	sendable := func(field, value string) { must(protocol.CheckField("X", value) == nil, field, value) }
	sendable("DefaultType", d.DefaultType)
	sendable("CacheControl", d.CacheControl)
	for _, value := range d.Types {
		sendable("Types", value)
	}
	for _, ext := range d.Precompressed {
		must(codings[ext] != "", "Precompressed", ext)
	}
	for _, name := range d.Index {
		must(fs.ValidPath(name), "Index", name)
	}
	must(d.Fallback == "" || fs.ValidPath(d.Fallback), "Fallback", d.Fallback)
}

func (d *Dir) newSource() source {
	if d.FS != nil {
		return fsys{d.FS}
	}
	return newDisk(d.Path, d.FollowSymlinks)
}

func (d *Dir) indexNames() []string {
	if d.Index == nil {
		return defaultIndex
	}
	return d.Index
}

// errNoListing is the answer for a directory that is there, but not to be shown.
var errNoListing = &resource.Error{Status: 403, Detail: "This directory has no index page."}
