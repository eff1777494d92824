package scheduler

// Owner is the name that leases are taken with.
func (s *Scheduler) Owner() string { return s.owner }
