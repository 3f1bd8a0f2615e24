package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// Sizes of the drawing, in its own units (pixels at full size).
const (
	panelWidth  = 450
	panelGap    = 30
	margin      = 24
	headHeight  = 76 // of the whole drawing
	titleHeight = 44 // of a panel
	rowHeight   = 19
	nameWidth   = 78
	barWidth    = 270
)

// svgStyle holds the colours, for light and for dark pages.
const svgStyle = `text{font:12px system-ui,sans-serif;fill:#1f2328}
.h{font-size:17px;font-weight:600}.t{font-weight:600;font-size:13px}.d{fill:#59636e;font-size:11px}
.e{text-anchor:end}.v{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}.us{font-weight:700;fill:#0550ae}.bad{fill:#b42318}
.bg{fill:#fff}.peer{fill:#9aa7b4}.lim{fill:#ced6de}.our{fill:#1f6feb}.cut{stroke:#fff;stroke-width:2}
.goal{stroke:#cf222e;stroke-dasharray:4 3;stroke-width:1.5}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.d{fill:#9da7b1}.us{fill:#79b8ff}.bad{fill:#ff8f84}
.v{stroke:#0d1117}
.bg{fill:#0d1117}.peer{fill:#5b6672}.lim{fill:#39424c}.our{fill:#388bfd}.cut{stroke:#0d1117}.goal{stroke:#ff7b72}}`

// drawing collects the elements of an SVG.
type drawing struct{ strings.Builder }

func (d *drawing) text(class string, x, y float64, s string) {
	fmt.Fprintf(d, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", class, x, y, html.EscapeString(s))
}

func (d *drawing) rect(class string, x, y, w, h float64) {
	fmt.Fprintf(d, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", class, x, y, w, h)
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(d, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2)
}

// drawSVG draws one panel of bars for each workload, two beside each other.
func drawSVG(rep *report) []byte {
	var body drawing
	y := float64(headHeight)
	for pair := range slices.Chunk(rep.Results, 2) {
		height := 0.0
		for i, r := range pair {
			height = max(height, body.panel(r, margin+float64(i*(panelWidth+panelGap)), y))
		}
		y += height
	}
	var d drawing
	width := float64(2*margin + 2*panelWidth + panelGap)
	fmt.Fprintf(&d, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\">\n",
		width, y, width, y)
	fmt.Fprintf(&d, "<title>spindle beside other servers</title>\n<style>%s</style>\n", svgStyle)
	d.rect("bg", 0, 0, width, y)
	d.text("h", margin, 32, "What one request costs the server: shorter is better")
	d.text("d", margin, 52, fmt.Sprintf("%s · %s · %s · one core, windows: %d, median · dashed: what spindle has to reach",
		rep.Date, rep.Machine, rep.Go, rep.Windows))
	d.WriteString(body.String())
	d.WriteString("</svg>\n")
	return []byte(d.String())
}

// panel draws one workload and gives back its height.
func (d *drawing) panel(r *result, x, y float64) float64 {
	d.text("t", x, y+14, r.Title)
	d.text("d", x, y+30, r.Measure+"; bar "+r.barText())
	scale := r.scale()
	row := y + titleHeight
	measured, absent := r.split()
	for i, c := range measured {
		d.bar(r, c, scale, x, row+float64(i*rowHeight))
	}
	end := row + float64(len(measured)*rowHeight)
	if limit, ok := r.limit(); ok {
		at := x + nameWidth + barWidth*limit/scale
		d.line("goal", at, row-4, at, end)
	}
	for i, c := range measured {
		d.value(r, c, scale, x, row+float64(i*rowHeight))
	}
	if len(absent) > 0 {
		d.text("d", x, end+12, "not measured: "+strings.Join(absent, ", "))
		end += rowHeight
	}
	return end - y + panelGap
}

// split divides the cells into those with figures and the names of the others.
func (r *result) split() (measured []cell, absent []string) {
	for _, c := range r.Cells {
		if c.Absent == "" {
			measured = append(measured, c)
		} else {
			absent = append(absent, c.Server)
		}
	}
	return measured, absent
}

// bar draws one server's name and bar; a bar longer than the scale is cut.
func (d *drawing) bar(r *result, c cell, scale, x, y float64) {
	name, bar := "e", "peer"
	switch c.Server {
	case ours:
		name, bar = "e us", "our"
	case r.Reference:
		bar = "lim"
	}
	d.text(name, x+nameWidth-8, y+13, c.Server)
	d.rect(bar, x+nameWidth, y+2, barWidth*min(c.Value/scale, 1), rowHeight-5)
	if c.Value > scale {
		at := x + nameWidth + barWidth - 14
		d.line("cut", at, y+rowHeight-1, at+5, y)
		d.line("cut", at+6, y+rowHeight-1, at+11, y)
	}
}

// value writes the figure after a bar, and how spindle stands.
func (d *drawing) value(r *result, c cell, scale, x, y float64) {
	class, value := "v", r.format(c.Value)
	if c.Server == ours {
		class = "v us"
		if r.verdict() != unknown {
			value += " " + r.verdict().String()
		}
		if r.verdict() == miss {
			class = "v bad"
		}
	}
	d.text(class, x+nameWidth+barWidth*min(c.Value/scale, 1)+6, y+13, value)
}

// scale is the value of a bar of full length: enough for the worst, but not so
// much that the bar to reach is no longer seen.
func (r *result) scale() float64 {
	most := 0.0
	measured, _ := r.split()
	for _, c := range measured {
		most = max(most, c.Value)
	}
	if limit, ok := r.limit(); ok {
		return max(min(most, 2.5*limit), 1.1*limit)
	}
	return max(most, 1)
}
