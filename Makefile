# pgrepl: `make help` lists what there is. Needs Go and a Docker engine; what else it takes, it gets itself.

# For `make image`: which PostgreSQL (15 to 18), and the layout of the image (plain, official, small).
PG ?= 17
LAYOUT ?= plain
# Where version 16 comes from when no registry answers, seen from this folder.
PG16_DIR ?= ../shared/postgres-16
export PG16_DIR

STATICCHECK_VERSION := v0.8.2
STATICCHECK := .cache/staticcheck-$(STATICCHECK_VERSION)/staticcheck

# or the last line of "$(MAKE) image" is not the name ("make -C" needs it on its command line)
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := build
.PHONY: help build demo demo-down test check lint e2e chaos transitions edges rules bench golden catalogue fmt image images browser clean go docker

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

build: go ## the program: bin/pgrepl
	@go build -trimpath $(shell git rev-parse HEAD >/dev/null 2>&1 && echo -buildvcs=true) -o bin/pgrepl ./cmd/pgrepl

demo: build docker ## a master and a replica on this machine, and a row that travels (examples/async)
	@examples/demo.sh

demo-down: build docker ## removes the demo with its data
	@examples/demo.sh down

test: go docker images browser ## everything, on real Docker and every PostgreSQL that can be had: about 20 minutes on two cores
	@go test -count=1 -p 2 -parallel 4 -timeout 75m ./...

check: lint ## what needs no Docker: lint, unit tests
	@go test $$(go list ./... | grep -v /test/e2e)

lint: go $(STATICCHECK) ## form, vet, staticcheck
	@unformatted=$$(gofmt -l .) && [ -z "$$unformatted" ] || { echo "not in gofmt's form: $$unformatted" >&2; exit 1; }
	@go vet ./...
	@$(STATICCHECK) ./...

e2e: go docker images ## the tests on real Docker only, with all transitions on every version; some of them: make e2e RUN=TestName
	@$(if $(RUN),,PGREPL_TEST_ALL=1) go test -count=1 -v -timeout 150m $(if $(RUN),-run '$(RUN)') ./test/e2e

chaos: go docker images ## kills apply before and after every side effect, on real Docker
	@PGREPL_TEST_CHAOS=1 go test -count=1 -timeout 60m -run 'Crash|Early' ./providers/fake
	@PGREPL_TEST_CHAOS=1 go test -count=1 -v -timeout 240m -run 'Crash|Kill|Hang' ./test/e2e

transitions: go docker images ## takes living clusters through test/transitions, with clients connected, on every version; one chain: make transitions RUN=settings/17
	@PGREPL_TEST_ALL=1 go test -count=1 -v -timeout 120m -run 'TestTransitions/$(RUN)' ./test/e2e

edges: go ## takes each edge of the order out, and writes who misses it into docs/development.md
	@go test -count=1 -timeout 60m -run TestEdges ./providers/fake -edges

rules: go docker images ## takes each rule of the plan out, and sees that its test misses it; some of them: make rules RUN='PGR201 PGR204'
	@go test -count=1 -v -timeout 120m -run TestRulesTakenOut ./test -rules '$(or $(RUN),all)'

bench: build docker ## measures against the same by hand; prints docs/benchmarks.md's tables
	@go run ./test/bench

golden: go ## writes the expected outputs of the tests anew; look at the difference before you commit it
	@go test $$(grep -rl 'flag.Bool("update"' --include='*_test.go' . | xargs -n 1 dirname | sort -u) -update

catalogue: go docker images ## asks real servers what schema/catalogue says; look at the difference before you commit it
	@go run ./test/catalogue/write

fmt: build ## Go and HCL files into their canonical form
	@gofmt -w . && bin/pgrepl fmt examples/*

image: docker ## makes or finds a PostgreSQL test image: make image PG=16 LAYOUT=official
	@test/image/build '$(PG)' '$(LAYOUT)'

images: docker ## all four versions, and one with Python; says which of them stay untested here
	@test/image/all '$(LAYOUT)'
	@test/image/python || { [ $$? = 3 ] && echo 'untested: examples/flask'; }

browser: ## the browser that pages are looked at in; installs Debian's chromium where there is none (under a minute)
	@test/browser/install

clean: ## what was built here; images stay (docker image rm)
	@rm -rf bin .cache

go:
	@command -v go >/dev/null || { echo 'make: Go is missing. Install it from https://go.dev/dl/ (or your system'\''s package "golang"), version '"$$(sed -n 's/^go //p' go.mod)"' or later.' >&2; exit 1; }

docker:
	@command -v docker >/dev/null || { echo 'make: Docker is missing. Install Docker Engine: https://docs.docker.com/engine/install/' >&2; exit 1; }
	@docker version >/dev/null 2>&1 || { docker version 2>&1 | tail -n 1 >&2; echo 'make: the Docker engine does not answer. Start it (sudo systemctl start docker), or let yourself in (sudo usermod -aG docker $$USER, then log in again).' >&2; exit 1; }

$(STATICCHECK): | go
	@GOBIN='$(CURDIR)/$(dir $@)' go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
