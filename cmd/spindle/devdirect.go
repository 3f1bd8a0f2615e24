package main

import (
	"fmt"
	"strconv"

	"spindle/reactor"
)

// This file is spindle dev --direct: the program has the public port, and what the
// development server shows itself is at a second one.

// publicPort is the port that programs are given.
func (d *devServer) publicPort() *reactor.Port {
	if len(d.ports) == 0 {
		return nil
	}
	return d.ports[0]
}

// frontPorts is how many numbers behind that of the public port are tried for the second one.
const frontPorts = 10

// openFront listens at the second port, on this machine only: one of the next numbers if one of
// them is free, so that it stays the same from day to day.
func (d *devServer) openFront() error {
	e := reactor.Endpoint{Kind: reactor.EndpointTCP, Interface: "127.0.0.1"}
	public := int(d.publicPort().Addr().Port)
	for n := public + 1; n <= min(public+frontPorts, 65535); n++ {
		e.Port = n
		if tryPort(e) == nil {
			break
		}
		e.Port = 0
	}
	m := d.members[0] // there is one loop
	p, err := m.loop.ListenEndpoint(e, m.site)
	if err != nil {
		return failure{fmt.Errorf("--direct: %s", withoutPackage(err))}
	}
	d.front = "http://127.0.0.1:" + strconv.Itoa(int(p.Addr().Port)) + "/"
	return nil
}
