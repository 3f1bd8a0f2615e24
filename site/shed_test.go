package site

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

func TestRefusalIsAWholeAnswer(t *testing.T) {
	in := bufio.NewReader(bytes.NewReader(new(Site).Refusal()))
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 503 || !resp.Close || int64(len(body)) != resp.ContentLength {
		t.Errorf("%v, %d bytes, close %v, %v", resp.Status, len(body), resp.Close, err)
	}
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("left over: %q", rest)
	}
}
