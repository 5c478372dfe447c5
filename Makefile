# `make run` builds Watchkeeper and runs it; `make test` shows that it works.
# Everything else here serves these two.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

# One set of build flags for the binary, the tests and the tools, so that what one
# has compiled the others find in the build cache.
export CGO_ENABLED := 0
export GOFLAGS     := -trimpath -buildvcs=false

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0-dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
PEERS   := bin/peers/jaeger bin/peers/prometheus internal/tools/mcp/node_modules/.package-lock.json

# Packages with goroutines of ours. The race build of the whole distribution would
# compile the Collector a second time to find nothing of ours in it.
RACED := ./internal/... ./receivers/... ./processors/... ./connectors/... ./exporters/... ./cmd/fleetsim

.PHONY: run
run: build ## build and run the built-in configuration
	./bin/watchkeeper

.PHONY: test
test: peers ## install what is missing, then run every test
	go test -timeout 10m $$(go list ./... | grep -v -e /internal/e2e -e /cmd/demo)
	go test -C sdk ./...
	go test -C sdk/examples ./...
	go test -C bench ./differential ./prometheus
	CGO_ENABLED=1 go test -race -timeout 15m $$(go list $(RACED) | grep -v -e /internal/e2e -e /internal/metadata)
	CGO_ENABLED=1 go test -C sdk -race ./...
	go test -count=1 -timeout 15m ./internal/e2e ./cmd/demo

.PHONY: demo
demo: build peers ## everything at once: real servers, a simulated fleet of agents, and where to look
	go build -o bin/fleetsim ./cmd/fleetsim
	go build -o bin/demo ./cmd/demo
	exec bin/demo

.PHONY: build
build:
	go build -ldflags '$(LDFLAGS)' -o bin/watchkeeper .

.PHONY: peers
peers: packages $(PEERS) ## the real servers that the tests run against

.PHONY: packages
packages:
	@internal/tools/packages.sh

bin/peers/jaeger: internal/tools/jaeger/go.mod internal/tools/jaeger/go.sum
	@echo "building Jaeger for the tests (some minutes the first time)"
	go build -C internal/tools/jaeger -ldflags '-s -w' -o ../../../$@ github.com/jaegertracing/jaeger/cmd/jaeger

bin/peers/prometheus: internal/tools/prometheus/go.mod internal/tools/prometheus/go.sum
	@echo "building the newest Prometheus for the tests (some minutes the first time)"
	go build -C internal/tools/prometheus -ldflags '-s -w' -o ../../../$@ github.com/prometheus/prometheus/cmd/prometheus

internal/tools/mcp/node_modules/.package-lock.json: internal/tools/mcp/package.json internal/tools/mcp/package-lock.json
	@echo "installing an MCP server from npm for the tests"
	npm ci --prefix internal/tools/mcp --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: generate
generate: ## components.go from builder-config.yaml, and what mdatagen makes of each metadata.yaml
	go tool builder --config builder-config.yaml --skip-compilation --skip-get-modules
	gofmt _build/components.go > components.go
	go generate ./...

.PHONY: fmt
fmt: ## format every Go file that is not generated
	gofmt -w $$(git ls-files '*.go')

.PHONY: lint
lint: bin/golangci-lint ## golangci-lint, built from its module
	bin/golangci-lint run
	cd sdk && ../bin/golangci-lint run --config ../.golangci.yml
	cd sdk/examples && ../../bin/golangci-lint run --config ../../.golangci.yml

bin/golangci-lint: internal/tools/golangci-lint/go.mod internal/tools/golangci-lint/go.sum
	go build -C internal/tools/golangci-lint -ldflags '-s -w' -o ../../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: bench-start
bench-start: build ## size, time to ready and idle memory of the built binary
	go run -C bench ./start ../bin/watchkeeper

.PHONY: bench-process
bench-process: build bin/bench/crowd ## what watching processes costs beside host_metrics (QUICK=1: two minutes)
	go build -C bench -ldflags '-s -w' -o ../bin/bench/ ./process ./peer/hostmetrics
	bin/bench/process $(if $(QUICK),-quick) bin/watchkeeper bin/bench/hostmetrics bin/bench/crowd

.PHONY: bench-workflow
bench-workflow: build ## what turning spans into metrics costs beside span_metrics (QUICK=1: six minutes; SOAK=10m: the soak)
	go build -C bench -ldflags '-s -w' -o ../bin/bench/workflow ./workflow
	bin/bench/workflow $(if $(QUICK),-quick) $(if $(SOAK),-soak $(SOAK)) bin/watchkeeper

.PHONY: bench-prometheus
bench-prometheus: build ## what being scraped costs beside the contrib exporter (QUICK=1: two minutes)
	go build -C bench -ldflags '-s -w' -o ../bin/bench/prometheus ./prometheus
	go build -C bench -ldflags '-s -w' -o ../bin/bench/peer/prometheus ./peer/prometheus
	bin/bench/prometheus $(if $(QUICK),-quick) bin/watchkeeper bin/bench/peer/prometheus

bin/bench/crowd: bench/crowd/crowd.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -pthread -o $@ $<

.PHONY: clean
clean:
	rm -rf bin _build

.PHONY: help
help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-14s %s\n", $$1, $$2}'
