package codec

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestDecodeAnySufficientSet(t *testing.T) {
	for _, n := range []int{4, 5, 7, 10, 13, 31, 100} {
		g := mustGrid(t, n)
		for _, size := range testSizes(g, 4<<20) {
			e := encodeBlob(t, n, randomBlob(uint64(n), size))
			r := rand.New(rand.NewPCG(uint64(n), uint64(size)))
			sets := map[string][]Source{
				"systematic primaries":   e.sources(Primary, seq(0, g.rows)...),
				"systematic secondaries": e.sources(Secondary, seq(0, g.cols)...),
				"parity primaries":       e.sources(Primary, seq(n-g.rows, n)...),
				"parity secondaries":     e.sources(Secondary, seq(n-g.cols, n)...),
				"random primaries":       e.sources(Primary, r.Perm(n)[:g.rows]...),
				"random secondaries":     e.sources(Secondary, r.Perm(n)[:g.cols]...),
				"mixed": append(e.sources(Primary, r.Perm(n)[:g.rows]...),
					e.sources(Secondary, r.Perm(n)[:g.cols-1]...)...),
				"other mixed": append(e.sources(Primary, r.Perm(n)[:g.rows-1]...),
					e.sources(Secondary, r.Perm(n)[:g.cols]...)...),
			}
			for name, sources := range sets {
				t.Run(fmt.Sprintf("n=%d/size=%d/%s", n, size, name), func(t *testing.T) {
					d := e.decoder(t, sources)
					var whole, fast bytes.Buffer
					if err := d.Decode(context.Background(), &whole); err != nil {
						t.Fatal(err)
					}
					if err := d.DecodeFast(context.Background(), &fast); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(whole.Bytes(), e.blob) || !bytes.Equal(fast.Bytes(), e.blob) {
						t.Fatal("decoded bytes differ")
					}
					if bad := d.Bad(); len(bad) > 0 {
						t.Fatalf("good slivers refused: %v", bad)
					}
					for range 3 {
						if size == 0 {
							break
						}
						from := r.IntN(size)
						length := 1 + r.IntN(size-from)
						var part bytes.Buffer
						if err := d.DecodeRange(context.Background(), &part, uint64(from), uint64(length)); err != nil {
							t.Fatal(err)
						}
						if !bytes.Equal(part.Bytes(), e.blob[from:from+length]) {
							t.Fatalf("bytes %d+%d differ", from, length)
						}
					}
				})
			}
		}
	}
}
