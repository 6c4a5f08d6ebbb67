package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/selvage-network/selvage/codec/internal/naive"
)

// sizeWithSymbol is a size of a blob of one stripe whose symbols have t bytes, as much of it padding as there can be.
func sizeWithSymbol(g Grid, t int) int {
	if t == 2 {
		return 1
	}
	return g.rows*g.cols*(t-2) + 1
}

// sliverSizes are blob sizes with symbols of many sizes, and some with several stripes, of up to limit bytes.
func sliverSizes(g Grid, limit int) (sizes []int) {
	cells, stripe := g.rows*g.cols, g.StripeSize()
	all := []int{0}
	for _, t := range []int{2, 6, 64, 66, 130} {
		all = append(all, sizeWithSymbol(g, t))
	}
	// Symbols of full size twice: as a padded tail and as a full stripe.
	all = append(all, stripe-1, stripe, stripe+1, 2*stripe, 2*stripe+5*cells+1, 9*stripe+65*cells)
	for _, s := range all {
		if s <= limit {
			sizes = append(sizes, s)
		}
	}
	return sizes
}

// storedForm is a sliver as it travels: stripe roots ‖ stripes.
func storedForm(e *encoded, s SliverIndex) []byte {
	p := e.l.Position(s)
	return append(bytes.Clone(HashBytes(e.roots[p])), e.data[p]...)
}

func allSlivers(g Grid) (all []SliverIndex) {
	for p := range 2 * g.n {
		all = append(all, g.SliverAt(p))
	}
	return all
}

// someSlivers are the first and last source and parity slivers of both axes.
func someSlivers(g Grid) []SliverIndex {
	return []SliverIndex{
		{Primary, 0}, {Primary, uint16(g.rows - 1)}, {Primary, uint16(g.rows)}, {Primary, uint16(g.n - 1)},
		{Secondary, 0}, {Secondary, uint16(g.cols - 1)}, {Secondary, uint16(g.cols)}, {Secondary, uint16(g.n - 1)},
	}
}

// wantSliverError checks that an error names a sliver and a stripe and wraps a sentinel.
func wantSliverError(t *testing.T, err error, s SliverIndex, stripe int, sentinel error) {
	t.Helper()
	var e *SliverError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a SliverError of %v", err, s)
	}
	if e.Sliver != s || e.Stripe != stripe || !errors.Is(err, sentinel) {
		t.Fatalf("got %q (%v, stripe %d), want %v, stripe %d, wrapping %q", err, e.Sliver, e.Stripe, s, stripe, sentinel)
	}
}

func TestReadSliverGood(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{4, 5, 7, 10, 13, 31, 100} {
		g := mustGrid(t, n)
		for _, size := range sliverSizes(g, 1<<20) {
			e := encodeBlob(t, n, randomBlob(uint64(size), size))
			slivers := allSlivers(g)
			if n > 13 || size > 1<<18 {
				slivers = someSlivers(g)
			}
			for _, s := range slivers {
				p := e.l.Position(s)
				stored := storedForm(e, s)
				if int64(len(stored)) != e.l.SliverSize(s.Axis) {
					t.Fatalf("n=%d size=%d %v: %d bytes stored, SliverSize says %d", n, size, s, len(stored), e.l.SliverSize(s.Axis))
				}
				var got []byte
				next := StripeIndex(0)
				each := func(c StripeIndex, root Hash, data []byte) error {
					if c != next || root != e.roots[p][c] {
						return fmt.Errorf("stripe %d with root %v, want stripe %d with root %v", c, root, next, e.roots[p][c])
					}
					next++
					got = append(got, data...)
					return nil
				}
				// A reader may give few bytes at a time.
				r := iotest.HalfReader(bytes.NewReader(stored))
				if err := ReadSliver(ctx, r, e.l, s, e.meta.Values[p], each); err != nil {
					t.Fatalf("n=%d size=%d: %v", n, size, err)
				}
				if !bytes.Equal(got, e.data[p]) {
					t.Fatalf("n=%d size=%d %v: other bytes came out", n, size, s)
				}
				if err := ReadSliver(ctx, bytes.NewReader(stored), e.l, s, e.meta.Values[p], nil); err != nil {
					t.Fatalf("n=%d size=%d without a callback: %v", n, size, err)
				}

				// In any order, and again.
				v, err := NewSliverVerifier(e.l, s, e.meta.Values[p])
				if err != nil {
					t.Fatal(err)
				}
				if err := v.Roots(e.roots[p]); err != nil {
					t.Fatal(err)
				}
				order := rand.New(rand.NewPCG(uint64(n), uint64(size))).Perm(e.l.Stripes())
				for _, c := range append(order, order[0]) {
					at := e.l.SliverStripeOffset(s.Axis, StripeIndex(c))
					data := e.data[p][at:][:e.l.SliverStripeSize(s.Axis, StripeIndex(c))]
					if err := v.Stripe(StripeIndex(c), data); err != nil {
						t.Fatalf("n=%d size=%d: %v", n, size, err)
					}
				}
			}
		}
	}
}

func TestReadSliverBad(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{4, 10} {
		g := mustGrid(t, n)
		size := 2*g.StripeSize() + 5*g.rows*g.cols
		e := encodeBlob(t, n, randomBlob(1, size))
		other := encodeBlob(t, n, randomBlob(2, size))
		l := e.l
		for _, s := range someSlivers(g) {
			p := l.Position(s)
			good := storedForm(e, s)
			roots := int(l.RootsSize())
			begin := []int{roots} // of the stripes, and the end of the last
			for c := range StripeIndex(l.Stripes()) {
				begin = append(begin, begin[c]+l.SliverStripeSize(s.Axis, c))
			}
			sibling := SliverIndex{s.Axis, (s.Index + 1) % uint16(n)}
			across := SliverIndex{s.Axis.Other(), s.Index}
			flip := func(at int, mask byte) []byte {
				b := bytes.Clone(good)
				b[at] ^= mask
				return b
			}
			type damage struct {
				name   string
				bytes  []byte
				stripe int
				want   error
			}
			swappedRoots := bytes.Clone(good)
			copy(swappedRoots, good[HashSize:2*HashSize])
			copy(swappedRoots[HashSize:], good[:HashSize])
			swappedStripes := bytes.Clone(good)
			copy(swappedStripes[begin[0]:], good[begin[1]:begin[2]])
			copy(swappedStripes[begin[1]:], good[begin[0]:begin[1]])
			damages := []damage{
				{"extended by a byte", append(bytes.Clone(good), 0), -1, ErrLength},
				{"extended by a stripe", append(bytes.Clone(good), good[begin[0]:begin[1]]...), -1, ErrLength},
				{"roots swapped", swappedRoots, -1, ErrRoots},
				{"stripes swapped", swappedStripes, 0, ErrStripe},
				{"another sliver's", storedForm(e, sibling), -1, ErrRoots},
				{"a crossing sliver's", storedForm(e, across), -1, ErrRoots},
				{"another blob's", storedForm(other, s), -1, ErrRoots},
				{"another sliver's stripes", append(bytes.Clone(good[:roots]), e.data[l.Position(sibling)]...), 0, ErrStripe},
				{"another blob's stripes", append(bytes.Clone(good[:roots]), other.data[p]...), 0, ErrStripe},
				{"no roots", e.data[p], -1, ErrRoots},
			}
			for _, cut := range []int{0, 1, HashSize, roots - 1} {
				damages = append(damages, damage{fmt.Sprintf("cut off at %d, in the roots", cut), good[:cut], -1, ErrLength})
			}
			for c := range l.Stripes() {
				for _, cut := range []int{begin[c], begin[c] + 1, (begin[c] + begin[c+1]) / 2, begin[c+1] - 1} {
					damages = append(damages, damage{fmt.Sprintf("cut off at %d, in stripe %d", cut, c), good[:cut], c, ErrLength})
				}
				for _, mask := range []byte{0x01, 0x40, 0x80} {
					damages = append(damages,
						damage{fmt.Sprintf("root %d, bits %x", c, mask), flip(c*HashSize, mask), -1, ErrRoots},
						damage{fmt.Sprintf("stripe %d, first byte, bits %x", c, mask), flip(begin[c], mask), c, ErrStripe},
						damage{fmt.Sprintf("stripe %d, last byte, bits %x", c, mask), flip(begin[c+1]-1, mask), c, ErrStripe})
				}
				short := append(bytes.Clone(good[:begin[c+1]-1]), good[begin[c+1]:]...)
				damages = append(damages, damage{fmt.Sprintf("a byte of stripe %d left out", c), short, c,
					map[bool]error{true: ErrLength, false: ErrStripe}[c == l.Stripes()-1]})
			}
			for _, d := range damages {
				t.Run(fmt.Sprintf("n=%d/%v/%s", n, s, d.name), func(t *testing.T) {
					passed := 0
					err := ReadSliver(ctx, bytes.NewReader(d.bytes), l, s, e.meta.Values[p], func(StripeIndex, Hash, []byte) error {
						passed++
						return nil
					})
					wantSliverError(t, err, s, d.stripe, d.want)
					if d.stripe >= 0 && passed != d.stripe {
						t.Errorf("%d stripes were passed on, want the %d good ones before", passed, d.stripe)
					}
					if d.stripe < 0 && d.want == ErrRoots && passed != 0 {
						t.Errorf("%d stripes were passed on behind bad roots", passed)
					}
				})
			}
			if err := ReadSliver(ctx, bytes.NewReader(good), l, s, other.meta.Values[p], nil); err == nil {
				t.Error("accepted with another blob's committed value")
			} else {
				wantSliverError(t, err, s, -1, ErrRoots)
			}
		}
	}
}

// The only stripe root of a short blob is the sliver root, of which the blob commits to 254 bits: the two others
// must be right all the same.
func TestReadSliverRootTopBits(t *testing.T) {
	e := encodeBlob(t, 7, randomBlob(3, 300))
	for _, s := range allSlivers(e.l.Grid) {
		for _, mask := range []byte{0x40, 0x80, 0xc0} {
			b := storedForm(e, s)
			b[0] ^= mask
			passed := false
			err := ReadSliver(context.Background(), bytes.NewReader(b), e.l, s, e.meta.Values[e.l.Position(s)], func(StripeIndex, Hash, []byte) error {
				passed = true
				return nil
			})
			if err == nil || passed {
				t.Fatalf("%v with other top bits of its root: %v, passed on: %v", s, err, passed)
			}
		}
	}
}

func TestReadSliverEnds(t *testing.T) {
	e := encodeBlob(t, 4, randomBlob(4, 60_000))
	s := SliverIndex{Secondary, 2}
	p := e.l.Position(s)
	good := storedForm(e, s)
	broken := errors.New("broken")

	for _, at := range []int{0, 1, len(good) - 1, len(good)} {
		r := io.MultiReader(bytes.NewReader(good[:at]), iotest.ErrReader(broken))
		err := ReadSliver(context.Background(), r, e.l, s, e.meta.Values[p], nil)
		var se *SliverError
		if !errors.Is(err, broken) || !errors.As(err, &se) || se.Sliver != s {
			t.Errorf("reader broken at %d: %v", at, err)
		}
		for _, sentinel := range []error{ErrLength, ErrRoots, ErrStripe} {
			if errors.Is(err, sentinel) {
				t.Errorf("reader broken at %d: %v blames the sliver", at, err)
			}
		}
	}
	err := ReadSliver(context.Background(), bytes.NewReader(good), e.l, s, e.meta.Values[p], func(c StripeIndex, _ Hash, _ []byte) error {
		if c == 1 {
			return broken
		}
		return nil
	})
	if err != broken {
		t.Errorf("the caller's own error came back as %v", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	passed := 0
	err = ReadSliver(ctx, bytes.NewReader(good), e.l, s, e.meta.Values[p], func(StripeIndex, Hash, []byte) error {
		passed++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || passed != 1 {
		t.Errorf("cancelled in stripe 0: %v after %d stripes", err, passed)
	}
}

func TestSliverVerifierMisuse(t *testing.T) {
	e := encodeBlob(t, 5, randomBlob(5, 2*mustGrid(t, 5).StripeSize()+9))
	s := SliverIndex{Primary, 4}
	p := e.l.Position(s)
	for _, bad := range []SliverIndex{{Primary, 5}, {Secondary, 5}, {2, 0}, {255, 65535}} {
		if _, err := NewSliverVerifier(e.l, bad, e.meta.Values[p]); !errors.Is(err, ErrIndex) {
			t.Errorf("NewSliverVerifier(%v): %v", bad, err)
		}
		if err := ReadSliver(context.Background(), bytes.NewReader(nil), e.l, bad, e.meta.Values[p], nil); !errors.Is(err, ErrIndex) {
			t.Errorf("ReadSliver(%v): %v", bad, err)
		}
	}
	stripe := func(c StripeIndex) []byte {
		return e.data[p][e.l.SliverStripeOffset(s.Axis, c):][:e.l.SliverStripeSize(s.Axis, c)]
	}
	v, err := NewSliverVerifier(e.l, s, e.meta.Values[p])
	if err != nil {
		t.Fatal(err)
	}
	wantSliverError(t, v.Stripe(0, stripe(0)), s, 0, ErrIndex) // before Roots
	roots := e.roots[p]
	wantSliverError(t, v.Roots(nil), s, -1, ErrLength)
	wantSliverError(t, v.Roots(roots[:2]), s, -1, ErrLength)
	wantSliverError(t, v.Roots(append(append([]Hash(nil), roots...), roots[0])), s, -1, ErrLength)
	wantSliverError(t, v.Roots([]Hash{roots[1], roots[0], roots[2]}), s, -1, ErrRoots)
	wantSliverError(t, v.Stripe(0, stripe(0)), s, 0, ErrIndex) // no roots were accepted
	if err := v.Roots(roots); err != nil {
		t.Fatal(err)
	}
	for _, c := range []StripeIndex{3, 4, MaxStripes, math.MaxUint32} {
		wantSliverError(t, v.Stripe(c, stripe(0)), s, int(c), ErrIndex)
	}
	wantSliverError(t, v.Stripe(0, nil), s, 0, ErrLength)
	wantSliverError(t, v.Stripe(0, stripe(0)[1:]), s, 0, ErrLength)
	wantSliverError(t, v.Stripe(0, append(bytes.Clone(stripe(0)), 0)), s, 0, ErrLength)
	wantSliverError(t, v.Stripe(2, stripe(0)), s, 2, ErrLength)
	wantSliverError(t, v.Stripe(1, stripe(0)), s, 1, ErrStripe)
	if err := v.Stripe(1, stripe(1)); err != nil {
		t.Errorf("a good stripe after bad ones: %v", err)
	}
}

// naiveStripeRoot is the root of one stripe of a sliver by the definition.
func naiveStripeRoot(g Grid, data []byte, t int) Hash {
	var symbols [][]byte
	for at := 0; at < len(data); at += t {
		symbols = append(symbols, data[at:at+t])
	}
	var leaves []naive.Hash
	for _, s := range naive.EncodeSymbols(symbols, g.n) {
		leaves = append(leaves, naive.Leaf(s))
	}
	return Hash(naive.Tree(leaves))
}

func TestSliverRoots(t *testing.T) {
	for _, n := range []int{4, 5, 7, 10, 13, 31, 100} {
		c, err := newCoder(mustGrid(t, n))
		if err != nil {
			t.Fatal(err)
		}
		w := newWorker(c) // one for all: scratch of one call must not show in the next
		sizes := []int{4096, 2, 130, 6, 512, 64, 66, 62, 10, 128, 1024, 2}
		if n == 100 {
			sizes = []int{130, 2, 66, 64, 6}
		}
		for _, size := range sizes {
			for _, a := range []Axis{Secondary, Primary} {
				most := 9
				if size > 512 {
					most = 3
				}
				stored := c.Stored(a)
				random := randomBlob(uint64(n*size), most*stored*size)
				var all [][]byte
				var want []Hash
				for i := range most {
					all = append(all, random[i*stored*size:][:stored*size])
					want = append(want, naiveStripeRoot(c.Grid, all[i], size))
				}
				for count := most; count > 0; count-- {
					roots := make([]Hash, count)
					if err := w.sliverRoots(a, size, all[most-count:], roots); err != nil {
						t.Fatal(err)
					}
					for i, r := range roots {
						if r != want[most-count+i] {
							t.Fatalf("n=%d t=%d %v: root %d of %d is %v, want %v", n, size, a, i, count, r, want[most-count+i])
						}
					}
				}
			}
		}
	}
}

// Stripes may be checked by many goroutines, and slivers of many kinds at the same time.
func TestSliverVerifierConcurrently(t *testing.T) {
	e := encodeBlob(t, 10, threeStripeBlob(mustGrid(t, 10), 1))
	var wg sync.WaitGroup
	for _, s := range allSlivers(e.l.Grid) {
		p := e.l.Position(s)
		v, err := NewSliverVerifier(e.l, s, e.meta.Values[p])
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Roots(e.roots[p]); err != nil {
			t.Fatal(err)
		}
		for c := range StripeIndex(e.l.Stripes()) {
			data := e.data[p][e.l.SliverStripeOffset(s.Axis, c):][:e.l.SliverStripeSize(s.Axis, c)]
			bad := bytes.Clone(data)
			bad[len(bad)-1] ^= 1
			wg.Go(func() {
				if err := v.Stripe(c, data); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := v.Stripe(c, bad); !errors.Is(err, ErrStripe) {
					t.Errorf("%v, stripe %d, damaged: %v", s, c, err)
				}
			})
		}
	}
	wg.Wait()
}
