# The two commands of the README are the targets `test` and, once there is a network, `go run ./cmd/selvage demo`.
GO ?= go

.PHONY: test check generate bench fuzz

# All the tests, under the race detector where goroutines meet, and everything that CI checks besides.
test: check
	$(GO) test ./...
	$(GO) test -race ./...

# Formatting, vet for every supported build, and generated files that are up to date.
check:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags purego ./...
	GOARCH=arm64 $(GO) vet ./codec/...
	$(GO) mod verify
	$(GO) mod tidy -diff

generate:
	$(GO) generate ./...

# The figures of the README. Run it on a machine that does nothing else.
bench:
	$(GO) run ./cmd/selvage bench codec

# Every fuzz target for FUZZTIME each.
FUZZTIME ?= 20s
fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done
