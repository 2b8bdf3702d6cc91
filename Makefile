# `make help` lists the targets. Everything that a target needs beside Go, git and
# make it builds from pinned versions, or installs from Debian and says so; one test
# gets a pinned program, and the Node for it, from npm's registry.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help build run demo redis cluster test unit lint policy vuln bench chaos fmt tidy clean deps

BIN     := bin
TOOLS   := $(BIN)/tools
GOBUILD := go build
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the gateway, and the examples' programs, into bin/
	@mkdir -p $(BIN)
	$(GOBUILD) -o $(BIN)/curfew ./cmd/curfew
	$(GOBUILD) -o $(BIN)/receiver ./examples/quickstart/receiver
	$(GOBUILD) -o $(BIN)/demo ./examples/quickstart/demo
	$(GOBUILD) -o $(BIN)/redis ./examples/redis
	$(GOBUILD) -o $(BIN)/cluster ./examples/cluster

run: build ## Run the gateway and a receiver on the quickstart, until Ctrl-C
	@examples/quickstart/run.sh $(BIN)

demo: build ## Play the story by itself; exits 0 only if each step happened
	@$(BIN)/demo -curfew $(BIN)/curfew -receiver $(BIN)/receiver -quickstart examples/quickstart

redis: build ## Watch a grant end: a gateway with a real Redis, until Ctrl-C (DEMO=1: exits by itself)
	@$(BIN)/redis $(if $(DEMO),-demo)

cluster: build ## Two gateways behind nginx on PostgreSQL and Redis, until Ctrl-C (DEMO=1: kills one, and exits)
	@$(BIN)/cluster $(if $(DEMO),-demo)

test: lint policy unit ## Run everything that must be green: linters, policies, all tests with -race

# Of SQLite, which is C made into Go, the race detector is left out: watching its
# memory took half of the time of all tests. Everything else is watched.
UNWATCHED := -gcflags='modernc.org/sqlite/lib=-race=false'

unit: deps ## Run the Go tests, with -race and never from the cache
	go test -race $(UNWATCHED) -count=1 -timeout 20m ./...
	cd examples/lambda-sync && go test -race -count=1 ./...

lint: deps $(TOOLS)/golangci-lint ## Run the linters over the Go code
	$(TOOLS)/golangci-lint run ./...
	cd examples/lambda-sync && $(abspath $(TOOLS))/golangci-lint run ./...

policy: $(TOOLS)/opa $(TOOLS)/regal ## Check, test and lint the policies with the stock tools
	$(TOOLS)/opa fmt --fail --list policies examples
	$(TOOLS)/opa check --strict -s policies/schemas policies
	$(TOOLS)/opa test --coverage --threshold 100 --format json policies >/dev/null || { $(TOOLS)/opa test -v policies; exit 1; }
	$(TOOLS)/opa test policies
	$(TOOLS)/regal lint policies
	$(GOBUILD) -o $(BIN)/curfew ./cmd/curfew
	$(MAKE) --no-print-directory -C examples/policy-repo all \
	  OPA=$(abspath $(TOOLS)/opa) REGAL=$(abspath $(TOOLS)/regal) CURFEW=$(abspath $(BIN)/curfew)

vuln: $(TOOLS)/govulncheck ## Look for known vulnerabilities (needs vuln.go.dev)
	$(TOOLS)/govulncheck ./...

bench: ## Measure; prints tables, writes JSON under tests/bench/results (BENCH=-help for flags)
	go run ./tests/bench $(BENCH)

chaos: deps ## Break everything and check the guarantees (SEED=… DURATION=5m LEDGER=sqlite|postgres)
	go test -race $(UNWATCHED) -count=1 -timeout 0 -parallel 1 -v -run '^TestFaults$$' ./tests/chaos \
	  -seed=$(or $(SEED),0) -duration=$(or $(DURATION),5m) -ledger=$(LEDGER)

fmt: $(TOOLS)/golangci-lint $(TOOLS)/opa ## Format Go and Rego
	$(TOOLS)/golangci-lint fmt ./...
	$(TOOLS)/opa fmt --write policies examples

tidy: ## Tidy every go.mod
	for d in . tools tools/lint tools/regal tests/bench/asynq tests/opaclient examples/lambda-sync; do (cd $$d && go mod tidy) || exit 1; done

clean: ## Remove what was built; the examples' state stays in .quickstart, .redis, .cluster
	rm -rf $(BIN) examples/policy-repo/.curfew

# The race detector needs a C compiler.
deps:
	@command -v gcc >/dev/null || { \
	  echo "gcc is missing, which the race detector needs: installing it with apt"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends gcc libc6-dev; }

# Tools at the exact versions of their own modules.
$(TOOLS)/opa: tools/go.mod
	cd tools && go build -o ../$@ github.com/open-policy-agent/opa
$(TOOLS)/govulncheck: tools/go.mod
	cd tools && go build -o ../$@ golang.org/x/vuln/cmd/govulncheck
$(TOOLS)/golangci-lint: tools/lint/go.mod
	cd tools/lint && go build -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(TOOLS)/regal: tools/regal/go.mod
	cd tools/regal && go build -o ../../$@ github.com/open-policy-agent/regal
