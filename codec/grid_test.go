package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/selvage-network/selvage/codec/internal/naive"
)

// The table of design/codec.md, and the smallest symbols.
func TestGridTable(t *testing.T) {
	for _, want := range []struct{ n, f, rows, cols, symbol, stripe int }{
		{4, 1, 2, 3, 4096, 24_576},
		{10, 3, 4, 7, 4096, 114_688},
		{100, 33, 34, 67, 4096, 9_330_688},
		{1000, 333, 334, 667, 256, 57_031_168},
		{2048, 682, 684, 1366, 64, 684 * 1366 * 64},
	} {
		g := mustGrid(t, want.n)
		got := want
		got.n, got.f, got.rows, got.cols = g.Shards(), g.Faults(), g.Rows(), g.Cols()
		got.symbol, got.stripe = g.MaxSymbolSize(), g.StripeSize()
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestGridEveryShardCount(t *testing.T) {
	for n := MinShards; n <= MaxShards; n++ {
		g := mustGrid(t, n)
		f := 0
		for 3*(f+1)+1 <= n { // the greatest f with n ≥ 3f+1
			f++
		}
		rows, cols := n-f-f, n-f
		// The greatest multiple of 64 with which a stripe still fits in 2^26 bytes, but 64 to 4096.
		symbol := 64
		for symbol < 4096 && (symbol+64)*rows*cols <= 1<<26 {
			symbol += 64
		}
		if g.Shards() != n || g.Faults() != f || g.Rows() != rows || g.Cols() != cols || g.MaxSymbolSize() != symbol || g.StripeSize() != symbol*rows*cols {
			t.Fatalf("n = %d: %+v, want f = %d, %d×%d, symbols of %d", n, g, f, rows, cols, symbol)
		}
		p, err := naive.NewParams(n)
		if err != nil || (naive.Params{N: n, F: g.Faults(), Rows: g.Rows(), Cols: g.Cols(), MaxSymbol: g.MaxSymbolSize()}) != p {
			t.Fatalf("n = %d: %+v, the reference has %+v, %v", n, g, p, err)
		}
		if g.Needed(Primary) != rows || g.Needed(Secondary) != cols || g.Stored(Primary) != cols || g.Stored(Secondary) != rows {
			t.Fatalf("n = %d: needed %d, %d, stored %d, %d", n, g.Needed(Primary), g.Needed(Secondary), g.Stored(Primary), g.Stored(Secondary))
		}
		if want := 2 + 8 + 48 + 2*n*32; g.MetadataSize() != want {
			t.Fatalf("n = %d: metadata of %d bytes, want %d", n, g.MetadataSize(), want)
		}

		// The README's fault model, quorum q = n − f.
		q := n - f
		if shared := q + q - n; shared < f+1 {
			t.Fatalf("n = %d: two quorums may share only %d shards, all Byzantine", n, shared)
		}
		if honest := q - f; honest < g.Needed(Primary) {
			t.Fatalf("n = %d: the %d honest shards of a quorum cannot decode", n, honest)
		}
		if q < g.Needed(Secondary) {
			t.Fatalf("n = %d: a quorum's secondaries cannot decode", n)
		}
		if (q == 2*f+1) != (n == 3*f+1) {
			t.Fatalf("n = %d: a quorum is %d = 2f+1", n, q)
		}
		// What a repairer of a pair finds with f shards silent: enough for the secondary, and with it for the primary.
		if others := n - f - 1; others < g.Needed(Primary) || others+1 < g.Needed(Secondary) {
			t.Fatalf("n = %d: %d neighbours cannot repair a pair", n, others)
		}
		if g.PreferDecode(0, 0) || g.PreferDecode(rows, 0) || g.PreferDecode(0, cols) || !g.PreferDecode(rows+1, 0) || !g.PreferDecode(0, cols+1) || !g.PreferDecode(rows, 1) {
			t.Fatalf("n = %d: wrong border between recovering and decoding", n)
		}
	}
	for _, n := range []int{math.MinInt, -1, 0, 1, 3, MaxShards + 1, 1<<16 + 4, math.MaxInt} {
		if g, err := NewGrid(n); !errors.Is(err, ErrShards) || g != (Grid{}) {
			t.Errorf("n = %d: %v, %v", n, g, err)
		}
	}
	if _, err := (Grid{}).Layout(1); !errors.Is(err, ErrShards) {
		t.Errorf("layout of the zero grid: %v", err)
	}
}

// checkLayout compares a layout with plain arithmetic. It looks at every stripe of a blob of few, else at some.
func checkLayout(t *testing.T, l Layout, size uint64) {
	t.Helper()
	cells := uint64(l.Rows() * l.Cols())
	stripe := cells * uint64(l.MaxSymbolSize())
	count := max(1, size/stripe)
	if size > stripe && size%stripe > 0 {
		count++
	}
	if l.Size() != size || l.Stripes() != int(count) {
		t.Fatalf("n = %d, size = %d: a layout of %d bytes in %d stripes, want %d", l.Shards(), size, l.Size(), l.Stripes(), count)
	}
	var sample []uint64
	for c := uint64(0); c < count; c++ {
		if c == 50 && count > 100 {
			c = count - 50
		}
		sample = append(sample, c)
	}
	last := count - 1
	for _, at := range sample {
		c := StripeIndex(at)
		offset, length := l.StripeRange(c)
		symbol := l.SymbolSize(c)
		source := l.SourceSize(c)
		fail := func(what string) {
			t.Helper()
			t.Fatalf("n = %d, size = %d, stripe %d of %d: %s: offset %d, length %d, symbol %d, source %d",
				l.Shards(), size, c, count, what, offset, length, symbol, source)
		}
		switch {
		case offset != at*stripe:
			fail("wrong offset")
		case uint64(source) != cells*uint64(symbol):
			fail("the source is not rows·cols symbols")
		case symbol < 2 || symbol%2 != 0 || symbol > l.MaxSymbolSize():
			fail("bad symbol size")
		case at < last && (uint64(length) != stripe || symbol != l.MaxSymbolSize()):
			fail("not a full stripe")
		case at == last && offset+uint64(length) != size:
			fail("the last stripe does not end with the blob")
		case length > source:
			fail("the stripe holds less than its bytes")
		case symbol > 2 && uint64(length) <= cells*uint64(symbol-2):
			fail("a smaller symbol would do")
		}
		for _, a := range []Axis{Primary, Secondary} {
			stored := map[Axis]int{Primary: l.Cols(), Secondary: l.Rows()}[a]
			if l.SliverStripeSize(a, c) != stored*symbol || l.SliverStripeOffset(a, c) != int64(at)*int64(stored*l.MaxSymbolSize()) {
				fail("wrong place in a " + a.String() + " sliver")
			}
			if at == last && l.SliverStripeOffset(a, c)+int64(l.SliverStripeSize(a, c)) != l.SliverDataSize(a) {
				fail("the last stripe does not end a " + a.String() + " sliver")
			}
		}
		if length > 0 {
			end := offset + uint64(length)
			if first, after := l.StripesOf(offset, uint64(length)); first != c || after != c+1 {
				fail("its bytes are elsewhere")
			}
			if first, after := l.StripesOf(end-1, 1); first != c || after != c+1 {
				fail("its last byte is elsewhere")
			}
			if end < size {
				if first, after := l.StripesOf(end-1, 2); first != c || after != c+2 {
					fail("a range across its end is elsewhere")
				}
			}
		}
	}
	if size > 0 {
		if first, end := l.StripesOf(0, size); first != 0 || uint64(end) != count {
			t.Fatalf("n = %d, size = %d: the blob is in stripes %d … %d", l.Shards(), size, first, end)
		}
	}

	sum := new(big.Int).Mul(big.NewInt(int64(last)), big.NewInt(int64(l.MaxSymbolSize())))
	sum.Add(sum, big.NewInt(int64(l.SymbolSize(StripeIndex(last)))))
	if new(big.Int).SetUint64(l.SymbolBytes()).Cmp(sum) != 0 {
		t.Fatalf("n = %d, size = %d: Σt = %d, want %v", l.Shards(), size, l.SymbolBytes(), sum)
	}
	if l.RootsSize() != int64(count)*32 {
		t.Fatalf("n = %d, size = %d: roots of %d bytes", l.Shards(), size, l.RootsSize())
	}
	for _, a := range []Axis{Primary, Secondary} {
		if l.SliverSize(a) != l.RootsSize()+l.SliverDataSize(a) || l.SliverDataSize(a) != int64(l.Stored(a))*int64(l.SymbolBytes()) {
			t.Fatalf("n = %d, size = %d: %v sliver of %d bytes, %d of them data", l.Shards(), size, a, l.SliverSize(a), l.SliverDataSize(a))
		}
	}
	n := int64(l.Shards())
	for _, nodes := range []uint32{0, 1, uint32(n), math.MaxUint32} {
		want := new(big.Int).Mul(big.NewInt(n*int64(l.Rows()+l.Cols())), sum)
		want.Add(want, new(big.Int).Mul(big.NewInt(int64(nodes)), big.NewInt(64*n+512)))
		if new(big.Int).SetUint64(l.EncodedSize(nodes)).Cmp(want) != 0 {
			t.Fatalf("n = %d, size = %d, %d nodes: encoded size %d, want %v", n, size, nodes, l.EncodedSize(nodes), want)
		}
	}
}

func TestLayoutBoundaries(t *testing.T) {
	for _, n := range []int{4, 5, 6, 7, 8, 10, 13, 31, 64, 100, 127, 253, 1000, 2047, 2048} {
		g := mustGrid(t, n)
		p, err := naive.NewParams(n)
		if err != nil {
			t.Fatal(err)
		}
		cells, stripe := uint64(g.Rows()*g.Cols()), uint64(g.StripeSize())
		sizes := map[uint64]bool{0: true}
		for _, border := range []uint64{1, cells, 2 * cells, 3 * cells, 4 * cells, 62 * cells, 64 * cells, 66 * cells,
			stripe - 2*cells, stripe - cells, stripe, stripe + 2*cells, 2 * stripe, 3*stripe + 7*cells, 17 * stripe, 1000*stripe + 64*cells} {
			for _, d := range []uint64{^uint64(1), ^uint64(0), 0, 1, 2} { // −2 … 2
				if s := border + d; s < 1<<60 {
					sizes[s] = true
				}
			}
		}
		for size := range sizes {
			l, err := g.Layout(size)
			if err != nil {
				t.Fatalf("n = %d, size = %d: %v", n, size, err)
			}
			checkLayout(t, l, size)
			plan, err := p.Plan(size)
			if err != nil {
				t.Fatal(err)
			}
			if len(plan) != l.Stripes() {
				t.Fatalf("n = %d, size = %d: %d stripes, the reference has %d", n, size, l.Stripes(), len(plan))
			}
			for c, symbol := range plan {
				if l.SymbolSize(StripeIndex(c)) != symbol {
					t.Fatalf("n = %d, size = %d, stripe %d: symbols of %d, the reference has %d", n, size, c, l.SymbolSize(StripeIndex(c)), symbol)
				}
			}
		}
	}
}

func TestLayoutLimit(t *testing.T) {
	for n := MinShards; n <= MaxShards; n++ {
		g := mustGrid(t, n)
		most := MaxStripes * uint64(g.StripeSize())
		for _, size := range []uint64{most, most - 1, most - uint64(g.StripeSize()) + 1} {
			l, err := g.Layout(size)
			if err != nil || l.Stripes() != MaxStripes {
				t.Fatalf("n = %d: %d bytes, the most stripes, give %d, %v", n, size, l.Stripes(), err)
			}
			if n%97 == 0 || n == MinShards || n == MaxShards {
				checkLayout(t, l, size)
			}
		}
		for _, size := range []uint64{most + 1, most + uint64(g.StripeSize()), 1 << 60, 1 << 63, math.MaxInt64, math.MaxUint64 - 1, math.MaxUint64,
			math.MaxUint64 / uint64(g.StripeSize()) * uint64(g.StripeSize())} {
			if l, err := g.Layout(size); !errors.Is(err, ErrTooLarge) || l != (Layout{}) {
				t.Fatalf("n = %d: %d bytes: %v, %v", n, size, l, err)
			}
			if l, err := (Blob{Shards: n, Size: size}).Layout(); !errors.Is(err, ErrTooLarge) || l != (Layout{}) {
				t.Fatalf("n = %d: blob of %d bytes: %v, %v", n, size, l, err)
			}
		}
	}
	if _, err := (Blob{Shards: 3}).Layout(); !errors.Is(err, ErrShards) {
		t.Errorf("blob on 3 shards: %v", err)
	}
}

// No blob of the format comes near 2^64 bytes, so the layouts are made by hand.
func TestEncodedSizeSaturates(t *testing.T) {
	g := mustGrid(t, 4) // n·(rows+cols) = 20
	for _, c := range []struct {
		sum   uint64 // Σt
		nodes uint32
		want  uint64
	}{
		{math.MaxUint64/20 - 2, 0, (math.MaxUint64/20 - 2) * 20},
		{math.MaxUint64 / 20, 0, math.MaxUint64 / 20 * 20},
		{math.MaxUint64/20 + 1, 0, math.MaxUint64}, // the product is too large
		{math.MaxUint64 / 20, 1, math.MaxUint64},   // the sum is
		{math.MaxUint64/20 - 39, 1, math.MaxUint64 - math.MaxUint64%20 - 39*20 + 768},
		{math.MaxUint64 / 4, math.MaxUint32, math.MaxUint64},
	} {
		l := Layout{Grid: g, full: c.sum / 4096, tail: int(c.sum % 4096)}
		if l.SymbolBytes() != c.sum {
			t.Fatalf("Σt = %d, want %d", l.SymbolBytes(), c.sum)
		}
		if got := l.EncodedSize(c.nodes); got != c.want {
			t.Errorf("Σt = %d, %d nodes: %d, want %d", c.sum, c.nodes, got, c.want)
		}
	}
}

func TestPairsAndShards(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ids := []BlobID{{}, {31: 1}, {0: 1}, {30: 0xff, 31: 0xff}}
	for range 3 {
		var id BlobID
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		ids = append(ids, id)
	}
	ids = append(ids, BlobID(bytes.Repeat([]byte{0xff}, 32)))
	for _, n := range []int{4, 5, 6, 7, 8, 9, 10, 16, 31, 100, 255, 256, 257, 1000, 2047, 2048} {
		g := mustGrid(t, n)
		for _, id := range ids {
			rotation := new(big.Int).SetBytes(id[:])
			held := make([]bool, n)
			for p := range n {
				want := new(big.Int).Add(rotation, big.NewInt(int64(p)))
				want.Mod(want, big.NewInt(int64(n)))
				shard := g.ShardOf(id, PairIndex(p))
				if int64(shard) != want.Int64() {
					t.Fatalf("n = %d, %v: shard %d holds pair %d, want %v", n, id, shard, p, want)
				}
				if held[shard] {
					t.Fatalf("n = %d, %v: shard %d holds two pairs", n, id, shard)
				}
				held[shard] = true
				if back := g.PairHeldBy(id, shard); int(back) != p {
					t.Fatalf("n = %d, %v: shard %d holds pair %d, not %d", n, id, shard, back, p)
				}
			}
		}
		seen := make(map[SliverIndex]bool)
		for p := range n {
			a, b := g.Pair(PairIndex(p))
			if a != (SliverIndex{Primary, uint16(p)}) || b != (SliverIndex{Secondary, uint16(n - 1 - p)}) {
				t.Fatalf("n = %d: pair %d is %v and %v", n, p, a, b)
			}
			if seen[a] || seen[b] {
				t.Fatalf("n = %d: a sliver of pair %d is in another", n, p)
			}
			seen[a], seen[b] = true, true
			if g.PairOf(a) != PairIndex(p) || g.PairOf(b) != PairIndex(p) {
				t.Fatalf("n = %d: the slivers of pair %d are in %d and %d", n, p, g.PairOf(a), g.PairOf(b))
			}
			// Systematic slivers are spread: no shard is without one.
			if int(a.Index) >= g.Rows() && int(b.Index) >= g.Cols() {
				t.Fatalf("n = %d: pair %d has no systematic sliver", n, p)
			}
		}
	}
}

func TestPositions(t *testing.T) {
	for _, n := range []int{4, 5, 10, 100, 2047, 2048} {
		g := mustGrid(t, n)
		for p := range 2 * n {
			s := g.SliverAt(p)
			want := SliverIndex{Primary, uint16(p)}
			if p >= n {
				want = SliverIndex{Secondary, uint16(p - n)}
			}
			if s != want || g.Position(s) != p {
				t.Fatalf("n = %d: position %d is %v at %d", n, p, s, g.Position(s))
			}
			if err := g.CheckSliver(s); err != nil {
				t.Fatalf("n = %d: %v", n, err)
			}
			if p > 0 && g.SliverAt(p-1).Compare(s) >= 0 || s.Compare(s) != 0 || p > 0 && s.Compare(g.SliverAt(p-1)) <= 0 {
				t.Fatalf("n = %d: %v does not follow %v", n, s, g.SliverAt(p-1))
			}
		}
		for _, s := range []SliverIndex{{Primary, uint16(n)}, {Secondary, uint16(n)}, {Primary, math.MaxUint16}, {2, 0}, {255, 0}} {
			if err := g.CheckSliver(s); !errors.Is(err, ErrIndex) {
				t.Errorf("n = %d: %v: %v", n, s, err)
			}
		}
	}
}

func TestParseAxis(t *testing.T) {
	for _, a := range []Axis{Primary, Secondary} {
		if got, err := ParseAxis(a.String()); err != nil || got != a {
			t.Errorf("%v comes back as %v, %v", a, got, err)
		}
		if a.Other() == a || a.Other().Other() != a {
			t.Errorf("across %v is %v", a, a.Other())
		}
	}
	if Primary != 0 || Secondary != 1 {
		t.Error("the axes do not have the contract's values")
	}
	for _, s := range []string{"", "primar", "primary ", " primary", "Primary", "secondary\n", "axis(2)", "0"} {
		if a, err := ParseAxis(s); err == nil {
			t.Errorf("%q is %v", s, a)
		}
	}
}

func TestParseSliverIndex(t *testing.T) {
	for _, a := range []Axis{Primary, Secondary} {
		for i := range MaxShards {
			s := SliverIndex{a, uint16(i)}
			if got, err := ParseSliverIndex(s.String()); err != nil || got != s {
				t.Fatalf("%v comes back as %v, %v", s, got, err)
			}
			if next := (SliverIndex{a, uint16(i + 1)}); s.String() >= next.String() {
				t.Fatalf("%v sorts after %v", s, next)
			}
		}
	}
	if got := (SliverIndex{Secondary, 7}).String(); got != "secondary-0007" {
		t.Error(got)
	}
	for _, s := range []string{"", "-", "primary", "primary-", "primary-7", "primary-007", "primary-00007", "primary-+007", "primary--007",
		"primary-0x07", "primary- 007", "primary-007 ", "primary-0_07", "primary-00a7", "primary-٠٠", "tertiary-0007", "Primary-0007",
		"0007-primary", "primary_0007", "primary-0007\n", "primary-0007-", " primary-0007", "axis(2)-0007", "-0007"} {
		if got, err := ParseSliverIndex(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestParseBlobID(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var id BlobID
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		s := id.String()
		if len(s) != 43 || strings.ContainsAny(s, "+/=") {
			t.Fatalf("%q is not unpadded base64url", s)
		}
		if got, err := ParseBlobID(s); err != nil || got != id {
			t.Fatalf("%v comes back as %v, %v", id, got, err)
		}
	}
	if got := (BlobID{}).String(); got != strings.Repeat("A", 43) {
		t.Error(got)
	}
	good := BlobID(bytes.Repeat([]byte{0xfb}, 32)).String()
	bad := []string{"", good[:42], good + "A", good + "=", good[:42] + "=", good[:42] + "+", "/" + good[1:], " " + good[1:], good[:42] + " ",
		good[:20] + "é" + good[22:], strings.Repeat("=", 43), strings.Repeat("\n", 43), strings.Repeat("\x00", 43)}
	// The last character carries four bits of the ID; its two low bits are zero.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range len(alphabet) {
		if i%4 != 0 {
			bad = append(bad, good[:42]+alphabet[i:i+1])
		}
	}
	// The decoder of the standard library passes over line ends, so a shorter ID could hide behind the right length.
	for _, end := range []string{"\n", "\r"} {
		for _, k := range []int{1, 3, 43} { // what is left decodes without an error
			bad = append(bad, strings.Repeat("A", 43-k)+strings.Repeat(end, k), strings.Repeat(end, k)+strings.Repeat("A", 43-k))
		}
		bad = append(bad, good[:10]+end+good[11:], good+end, good[:42]+end)
	}
	for _, s := range bad {
		if id, err := ParseBlobID(s); err == nil || id != (BlobID{}) {
			t.Errorf("%q is blob %v, %v", s, id, err)
		}
	}
}

func TestBlobIDText(t *testing.T) {
	id := BlobID{1, 2, 3, 31: 9}
	b, err := json.Marshal(map[BlobID]BlobID{id: id})
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"%v":"%v"}`, id, id); string(b) != want {
		t.Errorf("%s, want %s", b, want)
	}
	var back map[BlobID]BlobID
	if err := json.Unmarshal(b, &back); err != nil || back[id] != id || len(back) != 1 {
		t.Errorf("%v, %v", back, err)
	}
	kept := id
	if err := kept.UnmarshalText([]byte("short")); err == nil || kept != id {
		t.Errorf("a bad ID gives %v, %v", kept, err)
	}
}

// Every field of a blob is part of its identity.
func TestBlobIDFields(t *testing.T) {
	blob := Blob{Shards: 10, Size: 1 << 40}
	blob.Commitment[0], blob.Commitment[47] = 0xc0, 7
	if got, want := blob.ID(), naive.BlobID(10, 1<<40, blob.Commitment); got != want {
		t.Errorf("%v, want %x", got, want)
	}
	seen := map[BlobID]bool{blob.ID(): true}
	for _, change := range []func(*Blob){
		func(b *Blob) { b.Shards++ },
		func(b *Blob) { b.Shards += 256 },
		func(b *Blob) { b.Size++ },
		func(b *Blob) { b.Size += 1 << 56 },
		func(b *Blob) { b.Commitment[0] ^= 1 },
		func(b *Blob) { b.Commitment[47] ^= 0x80 },
	} {
		other := blob
		change(&other)
		if seen[other.ID()] {
			t.Errorf("%+v has the ID of another blob", other)
		}
		seen[other.ID()] = true
	}
}
