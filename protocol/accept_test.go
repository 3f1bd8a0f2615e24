package protocol

import "testing"

// absent stands for a request without the field.
const absent = "\x00"

func fieldOf(s string) []byte {
	if s == absent {
		return nil
	}
	return []byte(s)
}

func TestBestMedia(t *testing.T) {
	page := []string{"text/html", "text/plain", "application/json"}
	for _, c := range []struct {
		why, accept string
		offers      []string
		want        int
	}{
		{"§12.5.1 no field: the first", absent, page, 0},
		{"§12.5.1 empty field: the first", "", page, 0},
		{"§12.5.1 a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", page, 0},
		{"§12.5.1 curl", "*/*", page, 0},
		{"§12.5.1 an API client", "application/json", page, 2},
		{"§12.5.1 fetch of JSON or anything", "application/json, text/plain, */*", page, 1},
		{"§12.5.1 weight decides", "text/html;q=0.3, application/json;q=0.7", page, 2},
		{"§12.5.1 the most exact decides on an offer", "text/*;q=0.9, text/html;q=0.1, */*;q=0.5", page, 1},
		{"§12.5.1 order in the field is nothing", "*/*, application/json;q=0.5, text/html;q=0.5, text/plain;q=0.2", page, 0},
		{"§12.5.1 RFC's example: level", "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5",
			[]string{"text/plain", "text/plain;format=flowed"}, 1},
		{"§12.5.1 RFC's example: html", "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5",
			[]string{"text/html", "image/jpeg", "text/plain;format=fixed"}, 1},
		{"§12.5.1 parameter in quotes", `text/plain;format="flo\wed"`, []string{"text/html", "text/plain; format=flowed"}, 1},
		{"§8.3.2 charset has no case", "text/plain;charset=UTF-8", []string{"text/plain;charset=utf-8"}, 0},
		{"§12.5.1 another parameter", "text/plain;format=x", []string{"text/plain;format=flowed", "text/plain"}, -1},
		{"§12.4.2 q=0", "text/html;q=0, */*", page, 1},
		{"§12.4.2 all q=0", "*/*;q=0", page, -1},
		{"§12.4.2 q=0.000", "text/html;q=0.000, text/plain;q=0.001", page, 1},
		{"§12.5.1 none", "image/png", page, -1},
		{"§12.5.1 case", "TEXT/Plain;Q=0.5, Application/*;q=0.4", page, 1},
		{"§12.4.2 weight too long: the member is passed over", "text/html;q=0.1234, text/plain;q=0.5", page, 1},
		{"§12.4.2 weight over 1", "text/html;q=1.001, text/plain;q=0.5", page, 1},
		{"§12.4.2 weight of letters", "text/html;q=x, text/plain;q=0.5", page, 1},
		{"§12.4.2 negative weight", "text/html;q=-1, text/plain;q=0.5", page, 1},
		{"§12.4.2 blank around =", "text/html;q = 1, text/plain;q=0.5", page, 1},
		{"§12.4.2 blanks around ;", "text/html ; q=0.4 , text/plain ;\tq=0.5", page, 1},
		{"§12.5.1 nothing well formed: as if absent", ";;, ;q=1", page, 0},
		{"§12.5.1 not a range", "text, text/", page, -1},
		{"§12.5.1 comma in quotes", `text/html;x=",";q=0.1, text/plain;q=0.5, text/html;q=0.2`, page, 1},
		{"no offers", "*/*", nil, -1},
	} {
		if got := BestMedia(fieldOf(c.accept), c.offers...); got != c.want {
			t.Errorf("%s: %q of %q is %d, want %d", c.why, c.accept, c.offers, got, c.want)
		}
	}
}

func TestBestEncoding(t *testing.T) {
	ours := []string{"br", "zstd", "gzip"}
	for _, c := range []struct {
		why, accept string
		want        int
	}{
		{"§12.5.3 no field", absent, -1},
		{"§12.5.3 empty field", "", -1},
		{"§12.5.3 a browser", "gzip, deflate, br, zstd", 0},
		{"§12.5.3 gzip only", "gzip", 2},
		{"§8.4.1.3 x-gzip", "x-gzip", 2},
		{"§12.5.3 case", "GZIP;Q=1", 2},
		{"§12.5.3 gzip;q=1", "gzip;q=1", 2},
		{"§12.5.3 gzip;q=0", "gzip;q=0", -1},
		{"§12.5.3 weight decides", "br;q=0.5, gzip;q=0.8", 2},
		{"§12.5.3 *", "*", 0},
		{"§12.5.3 * but not br", "br;q=0, *", 1},
		{"§12.5.3 *;q=0", "*;q=0", -1},
		{"§12.5.3 *;q=0 and gzip", "*;q=0, gzip;q=0.5", 2},
		{"§12.5.3 identity is liked better", "identity, gzip;q=0.5", -1},
		{"§12.5.3 identity is liked as well", "identity;q=0.5, gzip;q=0.5", 2},
		{"§12.5.3 identity;q=0", "identity;q=0, gzip;q=0.1", 2},
		{"§12.5.3 other codings", "deflate, compress, sdch", -1},
		{"§12.5.3 prefix of a name", "gzi, gzipp, brr", -1},
		{"§12.5.3 bad weight", "br;q=2, gzip", 2},
	} {
		if got := BestEncoding(fieldOf(c.accept), ours...); got != c.want {
			t.Errorf("%s: %q is %d, want %d", c.why, c.accept, got, c.want)
		}
	}
}

func TestBestLanguage(t *testing.T) {
	ours := []string{"en", "de", "de-CH", "zh-Hant-TW"}
	for _, c := range []struct {
		why, accept string
		want        int
	}{
		{"§12.5.4 no field", absent, 0},
		{"§12.5.4 equal", "de", 1},
		{"RFC 4647 §3.3.1 prefix", "zh-Hant", 3},
		{"RFC 4647 §3.3.1 no prefix within a subtag", "zh-Han, de;q=0.1", 1},
		{"RFC 4647 §3.4 fall back", "de-AT, en;q=0.5", 1},
		{"RFC 4647 §3.3.1 the longer range is more exact", "de;q=0.5, de-CH, en;q=0.8", 2},
		{"RFC 4647 §3.4 q=0 of a part says nothing of the whole", "de-AT;q=0, de;q=0.5", 1},
		{"§12.5.4 q=0", "en;q=0, *", 1},
		{"§12.5.4 *", "fr, *;q=0.1", 0},
		{"§12.5.4 case", "DE-ch", 2},
		{"§12.5.4 none", "fr, it", -1},
	} {
		if got := BestLanguage(fieldOf(c.accept), ours...); got != c.want {
			t.Errorf("%s: %q is %d, want %d", c.why, c.accept, got, c.want)
		}
	}
}

func TestAcceptAllocatesNothing(t *testing.T) {
	accept := []byte(`text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8`)
	encoding := []byte("gzip, deflate, br, zstd")
	if n := testing.AllocsPerRun(100, func() {
		if BestMedia(accept, "application/json", "text/html") != 1 || BestEncoding(encoding, "zstd", "gzip") != 0 ||
			BestLanguage(encoding, "en") != -1 {
			t.Error("wrong choice")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzAccept: no panic, an index that is there, and the laws of a quality list:
// a member more with weight 0 for something else changes nothing, and what is
// named alone is chosen.
func FuzzAccept(f *testing.F) {
	for _, s := range []string{"text/html,application/xml;q=0.9,*/*;q=0.8", `a/b;x="\",";q=1.000,`, "gzip;q=0, *", "de-CH;q=0.001"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		offers := []string{"text/html", "text/plain;format=flowed", "gzip", "de", "br"}
		for _, best := range []func([]byte, ...string) int{BestMedia, BestEncoding, BestLanguage} {
			i := best(list, offers...)
			if i < -1 || i >= len(offers) {
				t.Fatalf("%q gives %d", list, i)
			}
			if i >= 0 && best(list, offers[i:]...) != 0 {
				t.Errorf("%q likes %q best, but not first among the rest", list, offers[i])
			}
		}
		if got := BestEncoding(append([]byte("br;q=0,"), list...), "br"); got != -1 && !namesAgain(list) {
			t.Errorf("br;q=0 and %q takes br", list)
		}
	})
}

func namesAgain(list []byte) bool {
	for {
		m, ok := nextWeighted(&list)
		if !ok {
			return false
		}
		if EqualFold(m.name, "br") {
			return true
		}
	}
}

func BenchmarkBestEncoding(b *testing.B) {
	list := []byte("gzip, deflate, br, zstd")
	b.ReportAllocs()
	for b.Loop() {
		BestEncoding(list, "zstd", "br", "gzip")
	}
}
