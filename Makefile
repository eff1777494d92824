# make            the binary, bin/mailhaul, with the web console where there is Node 20.19 or newer
# make console    the web console alone, into internal/web/dist
# make demo       the product on two servers in memory, until Ctrl-C (DEMO=--once ends by itself)
# make test       every suite; installs the test servers it needs from Debian packages
# make test-fast  what needs only Go and compiles soon: client, engine, migration files
# make test-long  the loops of crash, cut, model and fuzz at full counts
# make lint       formatting, vet and the linters of .golangci.yml
# make dist       a release: binaries, Debian packages, what is in them, sums, into dist/
# make bench      the races against other tools; writes BENCHMARKS.md

GO ?= go
# The linter stays out of go.mod: it is a tool with 200 dependencies of its own.
GOLANGCI = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# All builds are of one kind, so that each finds in the cache what another has compiled.
export GOFLAGS += -trimpath
export CGO_ENABLED = 0

# The race detector leaves out two kinds of arithmetic that share nothing: SQLite, C turned
# into Go, four times slower when it is watched, and the hash of passwords. Only such a
# package may be left out: one that makes instances of generic code of others has it
# unwatched for all. Commands that tests build are watched too.
UNWATCHED = modernc.org/sqlite/lib golang.org/x/crypto/argon2 golang.org/x/crypto/blake2b
RACE = CGO_ENABLED=1 GOFLAGS="$(GOFLAGS) -race $(UNWATCHED:%='-gcflags=%=-race=false -d=checkptr=0')" GORACE=atexit_sleep_ms=10 GOGC=400

# SLOW are the suites that take longest: they begin first.
SLOW = ./internal/cli ./internal/hostiletest ./internal/store ./internal/crashtest ./internal/servicetest

.PHONY: build console demo compiled checked test test-fast test-long lint dist bench clean

build: console
	$(GO) build -o bin/mailhaul ./cmd/mailhaul

console:
	./scripts/build-console

demo: build
	./bin/mailhaul demo $(DEMO)

test:
	./scripts/install-rigs
	$(MAKE) -j2 compiled checked
	$(RACE) MAILHAUL_QUICK=1 MAILHAUL_REQUIRE_RIGS=1 $(GO) test -vet=off -p 4 -parallel 4 -timeout 15m $(SLOW) ./...

# What the tests stand on is compiled while the console is built and tried.
compiled:
	$(RACE) $(GO) build $$($(GO) list -deps ./cmd/mailhaul | grep -v ^$$($(GO) list -m))

checked:
	./scripts/build-console require
	cd web && npm test

# The suites of the service, and those across packages, are left to make test: what they
# stand on takes Go more than a minute to compile.
SERVICE = api cli control metrics notify scheduler store
test-fast:
	MAILHAUL_NO_RIGS=1 MAILHAUL_QUICK=1 GOGC=400 $(GO) test -short -vet=off -p 4 -parallel 8 \
		$$($(GO) list ./internal/... | grep -v -e 'test$$' $(SERVICE:%=-e '/%$$'))

# What measures how much slower healthy sessions become, how quick the console and the
# largest migration file are, and how much memory many mailboxes need (ALONE) runs alone, and
# browsers share the machine with each other only. LEFT is what make test leaves to this,
# BROWSER what it leaves of the console, LONGEST begins first. MAILHAUL_BESIDE loosens bars of
# time (rigs/effort): others share the machine that checks a commit, too.
ALONE = FullMigrationFile|LongManyMailboxes
LEFT = Records|LargestMigrationFile|HostileFiles|CanonHoldsLittle|EachLanguage|Repair|RaceCorpora|OnPostgreSQL|Odd.*LoseAnd|StorageFormat|TestSize
BROWSER = Largest|WithinTwoSeconds|Keyboard|EveryPage|Nothing(That|Entered)|NotSafeYet
LONGEST = ./internal/crashtest ./internal/cli ./internal/mailsync ./internal
test-long: export MAILHAUL_LONG = 1
test-long: export MAILHAUL_REQUIRE_RIGS = 1
test-long: build
	./scripts/install-rigs
	$(GO) test -timeout 20m -run Long ./internal/hostiletest
	$(GO) test -timeout 15m -run '$(BROWSER)' ./internal/consoletest
	MAILHAUL_BESIDE=1 $(GO) test -p 1 -timeout 15m -run '$(ALONE)' ./internal/control ./internal/cli
	MAILHAUL_BESIDE=1 $(GO) test -p 3 -timeout 35m -run 'Long|$(LEFT)' -skip '$(ALONE)' $(LONGEST) $$($(GO) list ./... | grep -v -e /hostiletest$$ -e /consoletest$$)
	./scripts/fuzz 30s 'Reader|Responses|UTF7|UIDSet|Date|CSV' 4s

lint:
	@test -z "$$(git ls-files '*.go' | xargs gofmt -l | tee /dev/stderr)" || { echo 'run: gofmt -w .' >&2; exit 1; }
	$(GO) vet ./...
	$(GOLANGCI) run

dist:
	./scripts/dist

bench: build
	./scripts/install-rigs bench
	$(GO) run ./bench -out BENCHMARKS.md

clean:
	rm -rf bin dist
