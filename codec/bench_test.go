package codec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// Run with: go test -run '^$' -bench . ./codec
// Each figure is reported with its ratio to a limit that is measured in the same run.

// discard is a sink that has nothing to do.
type discard struct{}

func (discard) WriteStripe(context.Context, SliverIndex, StripeIndex, Hash, []byte) error { return nil }

// cycle is an endless reader over a buffer.
type cycle struct{ buf []byte }

func (r cycle) Read(p []byte) (int, error) { return copy(p, r.buf), nil }

// shaSpeed is the speed of crypto/sha256 on one core at 4 KiB, in bytes a second.
func shaSpeed() float64 {
	buf := make([]byte, 4096)
	best := 0.0
	for range 5 {
		const rounds = 4000
		start := time.Now()
		for range rounds {
			sha256.Sum256(buf)
		}
		best = max(best, rounds*4096/time.Since(start).Seconds())
	}
	return best
}

// encodeLimit is cores × SHA-256 speed / expansion: the speed of hashing every symbol of the grid once.
func encodeLimit(g Grid) float64 {
	expansion := float64(g.n*g.n) / float64(g.rows*g.cols)
	return float64(runtime.GOMAXPROCS(0)) * shaSpeed() / expansion
}

func reportRatio(b *testing.B, bytesEach int64, limit float64) {
	speed := float64(bytesEach) * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(speed/limit, "of-limit")
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		g := mustGrid(b, n)
		for _, size := range []int64{1 << 10, 1 << 20, 64 << 20, 1 << 30} {
			for _, sink := range []Sink{nil, discard{}} {
				name := map[bool]string{true: "id", false: "slivers"}[sink == nil]
				b.Run(fmt.Sprintf("n=%d/%dKiB/%s", n, size>>10, name), func(b *testing.B) {
					limit := encodeLimit(g)
					in := cycle{randomBlob(1, 1<<20)}
					b.SetBytes(size)
					b.ReportAllocs()
					for b.Loop() {
						if _, err := Encode(context.Background(), g, io.LimitReader(in, size), size, sink, Options{}); err != nil {
							b.Fatal(err)
						}
					}
					reportRatio(b, size, limit)
				})
			}
		}
	}
}

// benchBlob is some full stripes of a blob: about 64 MiB.
func benchBlob(b *testing.B, n int) *encoded {
	g := mustGrid(b, n)
	stripes := max(2, (64<<20)/g.StripeSize())
	return encodeBlob(b, n, randomBlob(uint64(n), stripes*g.StripeSize()))
}

func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		e := benchBlob(b, n)
		g := e.l.Grid
		limit := encodeLimit(g)
		for _, set := range []struct {
			name    string
			sources []Source
		}{
			{"systematic-primaries", e.sources(Primary, seq(0, g.rows)...)},
			{"systematic-secondaries", e.sources(Secondary, seq(0, g.cols)...)},
			{"parity-primaries", e.sources(Primary, seq(n-g.rows, n)...)},
			{"parity-secondaries", e.sources(Secondary, seq(n-g.cols, n)...)},
		} {
			d := e.decoder(b, set.sources)
			for name, decode := range map[string]func(context.Context, io.Writer) error{"fast": d.DecodeFast, "whole": d.Decode} {
				b.Run(fmt.Sprintf("n=%d/%s/%s", n, set.name, name), func(b *testing.B) {
					b.SetBytes(int64(len(e.blob)))
					for b.Loop() {
						if err := decode(context.Background(), io.Discard); err != nil {
							b.Fatal(err)
						}
					}
					reportRatio(b, int64(len(e.blob)), limit)
				})
			}
		}
	}
}

// crossings is a sink that keeps the symbols where all slivers cross the first primary and the first secondary.
type crossings struct {
	l    Layout
	runs [][]byte // by position of the sliver that gave them
}

func (k *crossings) WriteStripe(_ context.Context, s SliverIndex, c StripeIndex, root Hash, data []byte) error {
	p := k.l.Position(s)
	k.runs[p] = append(k.runs[p], data[:k.l.SymbolSize(c)]...)
	return nil
}

// symbolRun serves the symbols that a neighbour would send.
type symbolRun struct {
	SymbolSource
	s   SliverIndex
	l   Layout
	run []byte
}

func (s *symbolRun) Sliver() SliverIndex { return s.s }

func (s *symbolRun) ReadSymbols(_ context.Context, _ SliverIndex, first, _ StripeIndex, dst []byte) error {
	copy(dst, s.run[int(first)*s.l.MaxSymbolSize():])
	return nil
}

// BenchmarkRecover recovers a sliver of a blob of 512 MiB from systematic slivers, from a random set, and from as
// many parity slivers as there are, the worst set. Its limits are the times to hash the sliver's bytes, and all n
// symbols of its expansion, on all cores.
func BenchmarkRecover(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		g := mustGrid(b, n)
		l, err := g.Layout(512 << 20 / uint64(g.StripeSize()) * uint64(g.StripeSize()))
		if err != nil {
			b.Fatal(err)
		}
		k := &crossings{l: l, runs: make([][]byte, 2*n)}
		meta, err := Encode(context.Background(), g, io.LimitReader(cycle{randomBlob(1, 1<<20)}, int64(l.Size())), int64(l.Size()), k, Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, axis := range []Axis{Primary, Secondary} {
			target := SliverIndex{axis, 0}
			size := l.SliverDataSize(axis)
			need := g.Stored(axis)
			for name, indices := range map[string][]int{
				"systematic": seq(0, need),
				"random":     rand.New(rand.NewPCG(1, 2)).Perm(n)[:need],
				"parity":     seq(n-need, n),
			} {
				var sources []SymbolSource
				for _, i := range indices {
					s := SliverIndex{axis.Other(), uint16(i)}
					sources = append(sources, &symbolRun{s: s, l: l, run: k.runs[l.Position(s)]})
				}
				b.Run(fmt.Sprintf("n=%d/%v/%s", n, axis, name), func(b *testing.B) {
					hash := float64(runtime.GOMAXPROCS(0)) * shaSpeed()
					b.SetBytes(size)
					b.ReportAllocs()
					for b.Loop() {
						if _, err := Recover(context.Background(), l, meta, target, nil, sources, discard{}, Options{}); err != nil {
							b.Fatal(err)
						}
					}
					perOp := b.Elapsed().Seconds() / float64(b.N)
					expanded := float64(size) * float64(n) / float64(need)
					b.ReportMetric(perOp/(float64(size)/hash), "x-hash-sliver")
					b.ReportMetric(perOp/(expanded/hash), "x-hash-expanded")
				})
			}
		}
	}
}

func BenchmarkVerifySliver(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		e := benchBlob(b, n)
		for _, axis := range []Axis{Primary, Secondary} {
			src := e.source(axis, 1)
			value, _ := e.meta.Committed(src.s)
			b.Run(fmt.Sprintf("n=%d/%v", n, axis), func(b *testing.B) {
				stored := append(bytes.Clone(HashBytes(src.roots)), src.data...)
				b.SetBytes(int64(len(stored)))
				for b.Loop() {
					if err := ReadSliver(context.Background(), bytes.NewReader(stored), e.l, src.s, value, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkProof(b *testing.B) {
	for _, n := range []int{100, 1000} {
		e := benchBlob(b, n)
		x, err := NewExtractor(e.l)
		if err != nil {
			b.Fatal(err)
		}
		src, target := e.source(Primary, 0), SliverIndex{Secondary, uint16(n - 1)}
		value, _ := e.meta.Committed(src.s)
		p, err := x.Proof(context.Background(), src, target, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("n=%d/prove", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := x.Proof(context.Background(), src, target, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("n=%d/verify", n), func(b *testing.B) {
			for b.Loop() {
				if err := p.Verify(e.l, value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
