package locals

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/service/api"

	"spindle/protocol/postmortem"
	"spindle/site/dev"
)

// This file makes of Delve's variables what a page shows.

const (
	longestText = 120 // bytes of a value on one line
	mostParts   = 40
)

// values is variables as they are shown. Those that are shadowed come with a mark.
func values(vars []*proc.Variable) (list []dev.Value) {
	for _, v := range vars {
		if strings.HasPrefix(v.Name, "~") || strings.HasPrefix(v.Name, ".") {
			continue // results without a name, and the compiler's own
		}
		d := valueOf(v, v.Name, true)
		d.Shadowed = v.Flags&proc.VariableShadowed != 0
		list = append(list, d)
	}
	return list
}

// valueOf is one. masked hides what is named like a secret.
func valueOf(v *proc.Variable, name string, masked bool) dev.Value {
	return shown(api.ConvertVar(v), name, masked)
}

// withoutWitness is what the program would have without the witness: the writer of an
// answer is that of net/http, which the witness's has in it.
func withoutWitness(v *api.Variable) *api.Variable {
	if v.Kind != reflect.Interface || len(v.Children) != 1 || !dev.OfWitness(v.Children[0].Type) || len(v.Children[0].Children) != 1 {
		return v
	}
	for _, field := range v.Children[0].Children[0].Children {
		if field.Name == "inner" && field.Kind == reflect.Interface {
			field.Name, field.Type = v.Name, v.Type
			return &field
		}
	}
	return v
}

// shown makes the tree.
func shown(v *api.Variable, name string, masked bool) dev.Value {
	v = withoutWitness(v)
	d := dev.Value{Name: name, Type: v.Type}
	switch {
	case v.Unreadable != "":
		d.Text, d.Unreadable = whyUnreadable(v.Unreadable), true
		return d
	case masked && postmortem.IsSecret(name) && !isPlain(v.Kind):
		d.Text = postmortem.Mask
		return d
	}
	d.Parts = parts(v, masked)
	d.More = missing(v)
	d.Text = textOf(v, d.Parts, d.More)
	return d
}

// whyUnreadable is what the debugger says of a value, in words.
func whyUnreadable(why string) string {
	if strings.HasPrefix(why, "could not find loclist entry") || why == "empty OP stack" {
		return "optimised away"
	}
	return why
}

// isPlain tells whether a value of this kind is no secret, whatever its name.
func isPlain(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.Func || k == reflect.Chan
}

// parts is what a value consists of.
func parts(v *api.Variable, masked bool) (list []dev.Value) {
	switch v.Kind {
	case reflect.Map:
		for i := 0; i+1 < len(v.Children); i += 2 {
			key := shown(&v.Children[i], "", false)
			name := key.Text
			d := shown(&v.Children[i+1], name, masked)
			list = append(list, d)
		}
	case reflect.Array, reflect.Slice:
		for i := range v.Children {
			list = append(list, shown(&v.Children[i], strconv.Itoa(i), masked))
		}
	case reflect.Pointer, reflect.Interface:
		if len(v.Children) == 1 {
			c := &v.Children[0]
			if c.Kind == reflect.Invalid || c.Addr == 0 && v.Kind == reflect.Pointer || c.OnlyAddr {
				return nil
			}
			in := shown(c, v.Name, masked)
			in.Name = ""
			return []dev.Value{in}
		}
	default:
		for i := range v.Children {
			list = append(list, shown(&v.Children[i], v.Children[i].Name, masked))
		}
	}
	return list[:min(len(list), mostParts)]
}

// missing is how many parts were not read.
func missing(v *api.Variable) int64 {
	have := int64(len(v.Children))
	switch v.Kind {
	case reflect.Map:
		have /= 2
	case reflect.Array, reflect.Slice, reflect.Struct:
	default:
		return 0
	}
	return max(v.Len-have, 0)
}

// textOf is a value on one line, of parts that hide what is to be hidden.
func textOf(v *api.Variable, list []dev.Value, more int64) string {
	switch v.Kind {
	case reflect.String:
		text := strconv.Quote(v.Value)
		if rest := v.Len - int64(len(v.Value)); rest > 0 {
			text += fmt.Sprintf(" + %d bytes", rest)
		}
		return text
	case reflect.Pointer:
		switch {
		case len(v.Children) == 0 || v.Children[0].Addr == 0:
			return "nil"
		case len(list) == 0:
			return fmt.Sprintf("%#x", v.Children[0].Addr)
		}
		return cut("&" + list[0].Text)
	case reflect.Interface:
		switch {
		case len(v.Children) == 0 || v.Children[0].Kind == reflect.Invalid:
			return "nil"
		case len(list) == 0: // it was not read
			return cut(shortType(v.Children[0].Type) + "(…)")
		}
		return cut(shortType(list[0].Type) + "(" + list[0].Text + ")")
	case reflect.Slice, reflect.Map:
		if v.Base == 0 && v.Len == 0 {
			return "nil"
		}
	case reflect.Array, reflect.Struct:
	case reflect.Func:
		if v.Value == "" {
			return "nil"
		}
		return v.Value
	case reflect.Chan:
		if v.Base == 0 && v.Len == 0 && v.Cap == 0 && len(v.Children) == 0 {
			return "nil"
		}
		return fmt.Sprintf("%d of %d", v.Len, v.Cap)
	default:
		return v.Value
	}
	return cut(listText(v, list, more))
}

// listText is a value of several parts on one line.
func listText(v *api.Variable, list []dev.Value, more int64) string {
	open, end := "{", "}"
	if v.Kind == reflect.Slice || v.Kind == reflect.Array {
		open, end = "[", "]"
	}
	var b strings.Builder
	b.WriteString(open)
	for i, p := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if v.Kind == reflect.Struct || v.Kind == reflect.Map {
			b.WriteString(p.Name + ": ")
		}
		b.WriteString(p.Text)
		if b.Len() > longestText {
			return b.String()
		}
	}
	if more > 0 {
		if len(list) > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "… %d more", more)
	}
	b.WriteString(end)
	return b.String()
}

// cut is s, or the start of it.
func cut(s string) string {
	if len(s) <= longestText {
		return s
	}
	return strings.ToValidUTF8(s[:longestText], "") + " …"
}

// shortType is a type without the path of its package.
func shortType(t string) string {
	if i := strings.LastIndexByte(t, '/'); i >= 0 && !strings.ContainsAny(t, "[ ") {
		stars := len(t) - len(strings.TrimLeft(t, "*"))
		return t[:stars] + t[i+1:]
	}
	return t
}
