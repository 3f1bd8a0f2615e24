package dev

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"spindle/reactor"
)

// sameUser tells whether a peer on this machine is this user's; one elsewhere is nobody's. It
// reads files: not for the loop.
func sameUser(peer, host reactor.Addr) bool {
	if !peer.IP.IsLoopback() {
		return true
	}
	for table, mapped := range map[string]bool{"/proc/net/tcp": false, "/proc/net/tcp6": true} {
		if uid, found := socketOwner(table, socketText(peer, mapped), socketText(host, mapped)); found {
			return uid == strconv.Itoa(os.Getuid())
		}
	}
	return false
}

// socketOwner looks for a connection in a table of the kernel: sl, local_address, rem_address,
// st, queues, timer, retransmits, uid.
func socketOwner(table, local, remote string) (uid string, found bool) {
	f, err := os.Open(table)
	if err != nil {
		return "", false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if c := strings.Fields(lines.Text()); len(c) > 7 && c[1] == local && c[2] == remote {
			return c[7], true
		}
	}
	return "", false
}

// socketText is an address as these tables have it: words in the order of the machine, an
// IPv4 address at a socket of IPv6 behind ::ffff.
func socketText(a reactor.Addr, mapped bool) string {
	var text strings.Builder
	ip := a.IP.AsSlice()
	if mapped {
		all := a.IP.As16()
		ip = all[:]
	}
	for ; len(ip) >= 4; ip = ip[4:] {
		fmt.Fprintf(&text, "%08X", binary.NativeEndian.Uint32(ip))
	}
	return fmt.Sprintf("%s:%04X", text.String(), a.Port)
}
