package reactor

import (
	"fmt"
	"strconv"
	"strings"
)

// This file reads which sockets systemd (or anything that speaks its protocol,
// sd_listen_fds(3)) has opened for this process. It opens nothing itself.

const (
	firstSystemdFD    = 3
	maxSystemdSockets = 1 << 16
)

// SystemdSocket is a socket that was open when this process began.
type SystemdSocket struct {
	FD   int
	Name string // FileDescriptorName= of its unit; "unknown" when not told
}

// SystemdSockets reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of env
// (entries as of os.Environ) for the process pid. rest is env without them, for
// the children, whoever they were meant for. The error says why there are no
// sockets: then none is to be used.
func SystemdSockets(env []string, pid int) (sockets []SystemdSocket, rest []string, err error) {
	told := map[string]string{}
	for _, entry := range env {
		key, value, _ := strings.Cut(entry, "=")
		switch key {
		case "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID":
			told[key] = value
		default:
			rest = append(rest, entry)
		}
	}
	n, err := systemdCount(told, pid)
	if err != nil {
		return nil, rest, err
	}
	names, named := told["LISTEN_FDNAMES"]
	list := strings.Split(names, ":")
	if named && len(list) != n {
		return nil, rest, fmt.Errorf("reactor: systemd gave %d sockets and %d names", n, len(list))
	}
	for i := range n {
		s := SystemdSocket{FD: firstSystemdFD + i, Name: "unknown"}
		if named {
			s.Name = list[i]
		}
		sockets = append(sockets, s)
	}
	return sockets, rest, nil
}

// systemdCount is how many sockets there are for the process pid.
func systemdCount(told map[string]string, pid int) (int, error) {
	const unit = "is this process started by a .socket unit?"
	text, ok := told["LISTEN_FDS"]
	if !ok {
		return 0, fmt.Errorf("reactor: systemd gave no sockets (LISTEN_FDS is not set); %s", unit)
	}
	if told["LISTEN_PID"] != strconv.Itoa(pid) {
		return 0, fmt.Errorf("reactor: the sockets of systemd are for process %q, this one is %d; %s",
			clip(told["LISTEN_PID"]), pid, unit)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxSystemdSockets {
		return 0, fmt.Errorf("reactor: LISTEN_FDS is %q, no number of sockets", clip(text))
	}
	return n, nil
}

// FindSystemdSocket is the descriptor that a systemd endpoint means.
func FindSystemdSocket(sockets []SystemdSocket, e Endpoint) (fd int, err error) {
	if e.Name == "" {
		if e.Index < 0 || e.Index >= len(sockets) {
			return -1, fmt.Errorf("reactor: endpoint %q: systemd gave %d sockets, counted from 0", e, len(sockets))
		}
		return sockets[e.Index].FD, nil
	}
	fd = -1
	var names []string
	for _, s := range sockets {
		names = append(names, s.Name)
		if s.Name != e.Name {
			continue
		}
		if fd >= 0 {
			return -1, fmt.Errorf("reactor: endpoint %q: more than one socket has that name; use index", e)
		}
		fd = s.FD
	}
	if fd < 0 {
		return -1, fmt.Errorf("reactor: endpoint %q: no socket has that name; systemd gave %q", e, names)
	}
	return fd, nil
}
