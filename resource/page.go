package resource

import (
	"encoding/json"
	"errors"
	"html"
	"strconv"
	"strings"

	"spindle/protocol"
)

// This file draws the stock error page: HTML for a browser, JSON or plain text for
// who asks for it. All that is not our own text is escaped.

// stockPage is the page of e in the format that the client likes best.
func (r *Request) stockPage(e *Error) []byte {
	id := ""
	if e.isOurs() {
		id = r.ID()
	}
	r.AddField("Vary", "Accept")
	title := protocol.StatusText(e.Status)
	if title == "" {
		title = "Error"
	}
	detail := e.Detail
	if detail == "" {
		detail = stockDetail(e.Status)
	}
	cause, way := r.cause(e), r.walkedTo(e)
	if cause == "" && r.pageType() != htmlType {
		cause = walkText(way)
	}
	switch r.pageType() {
	case jsonType:
		r.SetField("Content-Type", jsonType)
		return jsonPage(e.Status, title, detail, id, cause)
	case htmlType:
		r.SetField("Content-Type", "text/html; charset=utf-8")
		return htmlPage(e.Status, title, detail, id, cause, walkHTML(way))
	}
	r.SetField("Content-Type", textPlain)
	return textPage(e.Status, title, detail, id, cause)
}

// The formats of a page.
const (
	plainType = "text/plain"
	htmlType  = "text/html"
	jsonType  = "application/json"
)

// pageType is the format that the client likes best; who likes all the same, as the
// tools of the command line do, gets plain text. RFC 9110 §12.5.1.
func (r *Request) pageType() string {
	offers := [...]string{plainType, htmlType, jsonType}
	if best := protocol.BestMedia(r.head.List("Accept"), offers[:]...); best >= 0 {
		return offers[best]
	}
	return plainType
}

// cause is what debug mode shows of the error; "" otherwise.
func (r *Request) cause(e *Error) string {
	if !r.d.Debug || e.Err == nil {
		return ""
	}
	var p *panicError
	if errors.As(e.Err, &p) {
		return p.Error() + "\n\n" + string(p.stack)
	}
	return e.Err.Error()
}

// stockDetail is one sentence for the reader of a page.
func stockDetail(status int) string {
	switch status {
	case 400:
		return "The request could not be understood."
	case 401:
		return "This page asks who you are."
	case 403:
		return "You may not see this page."
	case 404:
		return "There is nothing at this address."
	case 405:
		return "This address does not answer this method."
	case 406:
		return "This page does not exist in a form that you accept."
	case 408:
		return "The request took too long to arrive."
	case 410:
		return "This page is gone for good."
	case 412:
		return "A condition of the request does not hold."
	case 413:
		return "The request has more content than is taken here."
	case 415:
		return "Content of this type is not taken here."
	case 429:
		return "These are too many requests. Please wait a little."
	case 500:
		return "Something went wrong on the server."
	case 501:
		return "This server does not know the method."
	case 502:
		return "The server behind this one gave no good answer."
	case 503:
		return "The server can not answer now. Please try again soon."
	case 504:
		return "The server behind this one took too long."
	}
	return ""
}

func textPage(status int, title, detail, id, cause string) []byte {
	b := append(strconv.AppendInt(nil, int64(status), 10), ' ')
	b = append(append(b, title...), '\n')
	if detail != "" {
		b = append(append(b, detail...), '\n')
	}
	if id != "" {
		b = append(append(append(b, "Error id: "...), id...), '\n')
	}
	if cause != "" {
		b = append(append(append(b, '\n'), cause...), '\n')
	}
	return b
}

func jsonPage(status int, title, detail, id, cause string) []byte {
	b, err := json.Marshal(struct {
		Status int    `json:"status"`
		Title  string `json:"title"`
		Detail string `json:"detail,omitempty"`
		ID     string `json:"id,omitempty"`
		Cause  string `json:"cause,omitempty"`
	}{status, title, detail, id, cause})
	if err != nil { // strings and a number: it can not be
		return nil
	}
	return append(b, '\n')
}

const pageStyle = `:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:17px/1.5 system-ui,sans-serif;` +
	`background:#f6f5f2;color:#26241f}
main{max-width:38rem;padding:2rem;box-sizing:border-box;width:100%}
b{display:block;font-size:4.5rem;line-height:1;font-weight:700;letter-spacing:-.04em;color:#b4532a}
h1{font-size:1.4rem;margin:.6rem 0 .4rem}
p{margin:.4rem 0;overflow-wrap:anywhere}
small,code{color:#77736a}
ol{list-style:none;margin:1.4rem 0 0;padding:0;font-size:.9rem}li{padding:.45rem 0 .45rem 1rem;border-left:3px solid #d8d4cb;overflow-wrap:anywhere}` +
	`li.end{border-color:#b4532a}li code{color:inherit;font-weight:600}a{color:#b4532a}
pre{font-size:.8rem;overflow:auto;padding:1rem;border-radius:.5rem;background:#ebe9e3}
@media(prefers-color-scheme:dark){body{background:#1b1a18;color:#e8e5de}b{color:#e58a5f}` +
	`small,code{color:#9a958a}pre{background:#262421}li{border-color:#3a3733}li.end{border-color:#e58a5f}a{color:#e58a5f}}`

// htmlPage is the page; more is HTML, all else text.
func htmlPage(status int, title, detail, id, cause, more string) []byte {
	var b strings.Builder
	number := strconv.Itoa(status)
	title = html.EscapeString(title)
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width\">\n<title>" + number + " " + title +
		"</title>\n<style>" + pageStyle + "</style>\n</head>\n<body>\n<main>\n<b>" + number + "</b>\n<h1>" +
		title + "</h1>\n")
	if detail != "" {
		b.WriteString("<p>" + html.EscapeString(detail) + "</p>\n")
	}
	if id != "" {
		b.WriteString("<p><small>Error id <code>" + html.EscapeString(id) + "</code></small></p>\n")
	}
	if cause != "" {
		b.WriteString("<pre>" + html.EscapeString(cause) + "</pre>\n")
	}
	b.WriteString(more + "</main>\n</body>\n</html>\n")
	return []byte(b.String())
}
