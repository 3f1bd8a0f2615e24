package websocket

import (
	"strconv"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws/wsflate"
)

// This file agrees on permessage-deflate (RFC 7692 §5, §7.1).

// terms is what was agreed upon for one connection. The zero terms do not compress.
type terms struct {
	on      bool
	outBits uint8 // the window of what is sent
	outKeep uint8 // how much of it is context for the next message, in bits; 0: none
	inKeep  uint8 // the same for what is received
}

func (t terms) keepsContext() bool { return t.outKeep|t.inKeep != 0 }

const maxBits = 15

// negotiate takes the first offer that can be met. answer is the value of the field,
// "" when there is none.
func (d *Deflate) negotiate(offers []byte) (t terms, answer string) {
	list, ok := httphead.ParseOptions(offers, nil)
	if !ok {
		return terms{}, ""
	}
	for i := range list {
		var offer wsflate.Parameters
		if string(list[i].Name) == wsflate.ExtensionName && offer.Parse(list[i]) == nil {
			return d.meet(&offer)
		}
	}
	return terms{}, ""
}

// meet answers an offer.
func (d *Deflate) meet(offer *wsflate.Parameters) (t terms, answer string) {
	t = terms{on: true, outBits: maxBits}
	answer = wsflate.ExtensionName
	if offer.ServerMaxWindowBits.Defined() {
		t.outBits = uint8(offer.ServerMaxWindowBits)
		answer += "; server_max_window_bits=" + strconv.Itoa(int(t.outBits))
	}
	if !offer.ServerNoContextTakeover {
		t.outKeep = min(uint8(d.ServerWindowBits), t.outBits)
	}
	if t.outKeep == 0 {
		answer += "; server_no_context_takeover"
	}
	const canBeTold = 1 // the parameter without a value
	asked := uint8(offer.ClientMaxWindowBits)
	switch ours := uint8(d.ClientWindowBits); {
	case ours == 0 || offer.ClientNoContextTakeover || asked == 0 && ours < maxBits:
		answer += "; client_no_context_takeover"
	case asked == 0:
		t.inKeep = maxBits
	case asked == canBeTold:
		t.inKeep = ours
		answer += "; client_max_window_bits=" + strconv.Itoa(int(t.inKeep))
	default:
		t.inKeep = min(ours, asked)
		answer += "; client_max_window_bits=" + strconv.Itoa(int(t.inKeep))
	}
	return t, answer
}
