package crashtest

const victimVariable = "MAILHAUL_CRASHTEST_VICTIM"

func runVictim(plan string) int { return 0 }
