package kzg

import (
	"fmt"
	"testing"
)

// benchShards are the numbers of shards to measure with; a vector has two values per shard.
var benchShards = []int{10, 100, 1000}

func BenchmarkSetup(b *testing.B) {
	for b.Loop() {
		if _, err := loadSetup(setupFile); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, n := range benchShards {
		values := testValues("bench", 2*n)
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Commit(values); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range benchShards {
		p, _ := mustPolynomial(b, mustSetup(b), testValues("bench", 2*n))
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := p.Open(i % p.Size()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, n := range benchShards {
		p, c := mustPolynomial(b, mustSetup(b), testValues("bench", 2*n))
		o := mustOpen(b, p, c, n)[0]
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := o.Verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBatchVerify measures 64 openings of one vector and one opening each of 64 vectors.
func BenchmarkBatchVerify(b *testing.B) {
	const openings = 64
	for _, n := range benchShards {
		one, many := make([]Opening, openings), make([]Opening, openings)
		p, c := mustPolynomial(b, mustSetup(b), testValues("bench", 2*n))
		for i := range openings {
			at := i * 7 % p.Size()
			one[i] = mustOpen(b, p, c, at)[0]
			q, d := mustPolynomial(b, mustSetup(b), testValues(fmt.Sprint(i), 2*n))
			many[i] = mustOpen(b, q, d, at)[0]
		}
		oneBad, allBad := append([]Opening(nil), many...), append([]Opening(nil), many...)
		oneBad[20].Value[31] ^= 1
		for i := range allBad {
			allBad[i].Value[31] ^= 1
		}
		for _, bench := range []struct {
			name  string
			batch []Opening
			good  bool
		}{
			{"of=one", one, true},
			{"of=many", many, true},
			{"of=many,bad=1", oneBad, false},
			{"of=many,bad=all", allBad, false},
		} {
			b.Run(fmt.Sprintf("n=%d/%s", n, bench.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := BatchVerify(b.Context(), bench.batch); (err == nil) != bench.good {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
