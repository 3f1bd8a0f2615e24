package static

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spindle/protocol"
)

// What twisted.web.static.File gets wrong, or does where nobody asked for it, one
// test for each.

func TestTwistedServesUnknownFilesAsHTML(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"upload": "<script>", "upload.unknown": "<script>"})))
	for _, target := range []string{"/upload", "/upload.unknown"} {
		if x := s.Get(target); x.Field("Content-Type") != "application/octet-stream" || x.Field("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", target, x)
		}
	}
}

func TestTwistedListsEveryDirectory(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"d/secret-name": ""})))
	if x := s.Get("/d/"); x.Status != 403 || strings.Contains(string(x.Body), "secret-name") {
		t.Error(x)
	}
}

func TestTwistedServesDotFilesAndFollowsLinksOut(t *testing.T) {
	dir := write(t, map[string]string{"root/.htpasswd": "s", "outside": "s"})
	must(t, os.Symlink("../outside", filepath.Join(dir, "root/link")))
	s := server(t, New(filepath.Join(dir, "root")))
	if got := statusOf(s, "/.htpasswd", "/link"); got[0] != 404 || got[1] != 404 {
		t.Error(got)
	}
}

func TestTwistedFailsOnNUL(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"a": ""})))
	for _, target := range []string{"/%00", "/a%00", "/a%00.html", "/%00/a"} {
		if x := s.Get(target); x.Status != 404 && x.Status != 400 {
			t.Errorf("%s: %v", target, x)
		}
	}
}

func TestTwistedUnpacksArchives(t *testing.T) {
	x := server(t, New(write(t, map[string]string{"a.tar.gz": "gz"}))).Get("/a.tar.gz")
	if x.Field("Content-Encoding") != "" || x.Field("Content-Type") != "application/gzip" {
		t.Error(x)
	}
}

func TestTwistedHasNoETag(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"a": "a", "big": bigContent})))
	for _, target := range []string{"/a", "/big"} {
		x := s.Get(target)
		if tag := x.Field("ETag"); !protocol.IsETag(tag) || s.Do("GET", target, fields("If-None-Match", tag), nil).Status != 304 {
			t.Errorf("%s: %v", target, x.Fields)
		}
	}
}

func TestTwistedFailsOnASuffixLongerThanTheFile(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"ten": digits})))
	x := s.Do("GET", "/ten", fields("Range", "bytes=-999"), nil)
	if x.Status != 206 || x.Field("Content-Range") != "bytes 0-9/10" || string(x.Body) != digits {
		t.Error(x)
	}
}

func TestTwistedTakesSignsInRanges(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"ten": digits})))
	for _, value := range []string{"bytes=+1-+3", "bytes=1-+3", "bytes=--3", "bytes=0x1-3"} {
		if x := s.Do("GET", "/ten", fields("Range", value), nil); x.Status != 200 || string(x.Body) != digits {
			t.Errorf("%s: %v", value, x)
		}
	}
}

func TestTwistedIgnoresIfRange(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"ten": digits})))
	if x := s.Do("GET", "/ten", fields("Range", "bytes=0-1", "If-Range", `"another"`), nil); x.Status != 200 {
		t.Error(x)
	}
}

// Many ranges that overlap are asked for by those who want to have sent a multiple
// of the file.
func TestTwistedAmplifiesRanges(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"ten": digits, "big": bigContent})))
	for _, n := range []int{2, protocol.MaxRanges, protocol.MaxRanges + 1, 500} {
		value := "bytes=0-" + strings.Repeat(",0-", n-1)
		for target, size := range map[string]int{"/ten": 10, "/big": len(bigContent)} {
			x := s.Do("GET", target, fields("Range", value), nil)
			if x.Status != 200 && x.Status != 206 || len(x.Body) != size {
				t.Errorf("%d ranges of %s: %d, %d bytes", n, target, x.Status, len(x.Body))
			}
		}
	}
}

// Twisted goes on with the connection after an answer that is too short.
func TestTwistedDesynchronisesWhenAFileShrinks(t *testing.T) {
	for _, ranges := range []protocol.Fields{nil, fields("Range", "bytes=100-150000"), fields("Range", "bytes=0-1,120000-150000")} {
		dir := write(t, map[string]string{"big": bigContent})
		s := server(t, New(dir))
		s.Get("/big")
		must(t, os.Truncate(filepath.Join(dir, "big"), 110_000))
		if x := s.Do("GET", "/big", ranges, nil); x.Aborted == nil || x.Done {
			t.Errorf("%v: %d, %d bytes of %d, not cut", ranges, x.Status, len(x.Body), x.Length)
		}
	}
}
