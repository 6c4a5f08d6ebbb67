package codec

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

type discard struct{}

func (discard) WriteStripe(context.Context, SliverIndex, StripeIndex, Hash, []byte) error { return nil }

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		g := mustGrid(b, n)
		for _, size := range []int{1 << 10, 1 << 20, 4 * g.StripeSize()} {
			blob := formula(size)
			for _, sink := range []Sink{nil, discard{}} {
				name := map[bool]string{true: "id", false: "slivers"}[sink == nil]
				b.Run(fmt.Sprintf("n=%d/size=%d/%s", n, size, name), func(b *testing.B) {
					b.SetBytes(int64(size))
					b.ReportAllocs()
					for b.Loop() {
						if _, err := Encode(context.Background(), g, bytes.NewReader(blob), int64(size), sink, Options{}); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
