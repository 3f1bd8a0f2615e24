package static

import (
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"strconv"
	"time"
)

// This file makes entity-tags (RFC 9110 §8.8.3).
//
// A file that is kept in memory is tagged by its content: whoever has the same
// bytes has the same tag, on every machine and after every deployment, and no
// clock can make it lie. So is a file without a time. A larger one is tagged by
// size and time of its last change in nanoseconds, as reading it for a tag would
// cost more than it saves; a change so fresh that another could follow within the
// tick of the clock makes that tag weak, so that it never joins two ranges of
// different content. The inode is left out, for it differs between the machines
// that serve copies of one tree.

// contentTag is the strong tag of content in that coding.
func contentTag(h hash.Hash, coding string) string {
	return `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15]) + suffix(coding) + `"`
}

// stampTag is the tag of a file by its stamp at now.
func stampTag(s stamp, coding string, now time.Time) string {
	tag := `"` + strconv.FormatInt(s.size, 36) + "-" + strconv.FormatInt(s.modified, 36) + suffix(coding) + `"`
	if s.racy(now) {
		return "W/" + tag
	}
	return tag
}

// suffix keeps the codings of one file apart.
func suffix(coding string) string {
	if coding == "" {
		return ""
	}
	return "-" + coding
}

func hashOf(content []byte) hash.Hash {
	h := sha256.New()
	h.Write(content)
	return h
}

// hashAll reads all of f. Blocks: not on the loop.
func hashAll(f io.Reader) (hash.Hash, error) {
	h := sha256.New()
	_, err := io.Copy(h, f)
	return h, err
}
