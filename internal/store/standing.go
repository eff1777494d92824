package store

// Standing says how much is under way, all nodes together.
type Standing struct {
	// Leases are passes that nodes have, Intents windows of messages that are
	// under way or in doubt.
	Leases, Intents int
	// NoticesDue are to be sent, NoticesGivenUp never will be.
	NoticesDue, NoticesGivenUp int
	Endpoints                  []EndpointStanding
}

// EndpointStanding is how many passes an endpoint has under way, and how many it
// allows: such that copy all there is, preflights among them, and later ones.
type EndpointStanding struct {
	Name                  string
	Initial, InitialLimit int
	Later, LaterLimit     int
}

// Standing counts what is under way.
func (tx *Tx) Standing() (Standing, error) {
	standing, err := one(tx, func(row scanner) (s Standing, err error) {
		return s, row.Scan(&s.Leases, &s.Intents, &s.NoticesDue, &s.NoticesGivenUp)
	}, `SELECT (SELECT COUNT(*) FROM mailbox WHERE running <> ''), (SELECT COUNT(*) FROM intent),
		(SELECT COUNT(*) FROM notice WHERE due > 0), (SELECT COUNT(*) FROM notice WHERE due = 0 AND sent = 0)`)
	if err != nil {
		return standing, err
	}
	endpoints, err := tx.Endpoints()
	if err != nil {
		return standing, err
	}
	free, err := tx.freeSlots()
	if err != nil {
		return standing, err
	}
	for _, e := range endpoints {
		left, known := free[e.ID]
		if !known {
			continue // made since
		}
		limits := e.Limits
		standing.Endpoints = append(standing.Endpoints, EndpointStanding{
			Name: e.Name, Initial: limits.Migrations - left[first], InitialLimit: limits.Migrations, Later: limits.Incremental - left[later], LaterLimit: limits.Incremental,
		})
	}
	return standing, nil
}
