// harborbridge is a bridgev2 bridge to the harbor, the tests' own network (tests/blackbox/src/harbor.rs).
package main

import (
	"maunium.net/go/mautrix/bridgev2"
	"maunium.net/go/mautrix/bridgev2/matrix/mxmain"
)

func main() {
	// A line has been handled when QueueRemoteEvent returns, so that a stop can't lose it.
	bridgev2.PortalEventBuffer = 0
	bridge := mxmain.BridgeMain{
		Name:        "harborbridge",
		Description: "A bridge to the harbor.",
		URL:         "https://harbor.example",
		Version:     "0.1.0",
		Connector:   &Connector{},
	}
	bridge.InitVersion("", "", "")
	bridge.Run()
}
