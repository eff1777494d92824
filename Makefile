# make            the binary, bin/mailhaul, with the web console where there is Node 20.19 or newer
# make console    the web console alone, into internal/web/dist
# make demo       the product on two servers in memory, until Ctrl-C (DEMO=--once ends by itself)
# make test       every suite; installs the test servers it needs from Debian packages
# make test-fast  what needs only Go
# make test-long  the loops of crash, cut, model and fuzz at full counts
# make lint       formatting, vet and the linters of .golangci.yml
# make dist       a release: binaries, Debian packages, what is in them, sums, into dist/
# make bench      the races against other tools; writes BENCHMARKS.md

GO ?= go
# The linter stays out of go.mod: it is a tool with 200 dependencies of its own.
GOLANGCI = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The race detector leaves out SQLite alone: C turned into Go, four times slower when it
# is watched. Only such a package may be left out: one that makes instances of generic
# code of others has it unwatched for all.
RACE = -race -gcflags='modernc.org/sqlite/lib=-race=false -d=checkptr=0'

.PHONY: build console demo test test-fast test-long lint dist bench clean

build: console
	$(GO) build -trimpath -o bin/mailhaul ./cmd/mailhaul

console:
	./scripts/build-console

demo: build
	./bin/mailhaul demo $(DEMO)

test:
	./scripts/install-rigs
	./scripts/build-console require
	cd web && npm run check
	MAILHAUL_REQUIRE_RIGS=1 $(GO) test $(RACE) -p 4 -timeout 15m ./...

test-fast:
	MAILHAUL_NO_RIGS=1 $(GO) test -short -vet=off ./cmd/... ./internal/...

# hostiletest and consoletest run alone: they measure how much slower healthy sessions
# become, and how quick the console is.
test-long: build
	./scripts/install-rigs
	MAILHAUL_LONG=1 $(GO) test -timeout 20m -run Long ./internal/hostiletest
	MAILHAUL_LONG=1 MAILHAUL_REQUIRE_RIGS=1 $(GO) test -timeout 10m -run 'Largest|WithinTwoSeconds' ./internal/consoletest
	MAILHAUL_LONG=1 MAILHAUL_REQUIRE_RIGS=1 $(GO) test -timeout 35m -run Long $$($(GO) list ./... | grep -v /hostiletest$$)
	./scripts/fuzz 30s

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
