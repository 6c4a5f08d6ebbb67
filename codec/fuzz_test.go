package codec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"
)

func FuzzParseBlobID(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseBlobID(s)
		if err == nil && id.String() != s {
			t.Errorf("%q is taken for %v", s, id)
		}
		if err != nil && id != (BlobID{}) {
			t.Errorf("%q: %v and an error", s, id)
		}
	})
}

func FuzzParseSliverIndex(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		i, err := ParseSliverIndex(s)
		if err == nil && i.String() != s {
			t.Errorf("%q is taken for %v", s, i)
		}
		if err != nil && i != (SliverIndex{}) {
			t.Errorf("%q: %v and an error", s, i)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, own bool) {
		var id BlobID
		if own && len(b) >= metadataHeader {
			id = rawBlob(b).ID() // so that the check of the ID is passed
		}
		m, err := ParseMetadata(b, id)
		if err != nil {
			if m != nil || !errors.Is(err, ErrMetadata) {
				t.Errorf("%v, %v", m, err)
			}
			return
		}
		if m.ID() != id {
			t.Errorf("%v is taken for %v", m.ID(), id)
		}
		back, err := m.MarshalBinary()
		if err != nil || !bytes.Equal(back, b) {
			t.Errorf("comes back as %x, %v", back, err)
		}
		if _, err := m.Layout(); err != nil {
			t.Error(err)
		}
	})
}

func FuzzLayout(f *testing.F) {
	f.Fuzz(func(t *testing.T, n int, size uint64) {
		g, err := NewGrid(n)
		if err != nil {
			if n >= 4 && n <= 2048 || !errors.Is(err, ErrShards) {
				t.Error(err)
			}
			return
		}
		l, err := g.Layout(size)
		if err != nil {
			if size <= MaxStripes*uint64(g.StripeSize()) || !errors.Is(err, ErrTooLarge) {
				t.Error(err)
			}
			return
		}
		checkLayout(t, l, size)
	})
}

// fuzzSliverBlobs are the blobs whose slivers are fuzzed: one small stripe, the empty blob, and two stripes.
var fuzzSliverBlobs = []struct{ n, size int }{{4, 14}, {7, 0}, {4, 24576 + 6}}

var fuzzSlivers = sync.OnceValue(func() []*encoded {
	var out []*encoded
	for _, c := range fuzzSliverBlobs {
		g, err := NewGrid(c.n)
		if err != nil {
			panic(err)
		}
		l, err := g.Layout(uint64(c.size))
		if err != nil {
			panic(err)
		}
		e := &encoded{memSink: newMemSink(l), blob: formula(c.size)}
		if e.meta, err = Encode(context.Background(), g, bytes.NewReader(e.blob), int64(c.size), e.memSink, Options{}); err != nil {
			panic(err)
		}
		out = append(out, e)
	}
	return out
})

// storedForm is a sliver as it travels: stripe roots ‖ stripes.
func (e *encoded) storedForm(position int) []byte {
	return append(bytes.Clone(HashBytes(e.roots[position])), e.data[position]...)
}

// Bytes pass as a sliver only if they are the sliver. With patch, b is laid over the true sliver at an offset, so that the
// fuzzer gets beyond the stripe roots.
func FuzzReadSliver(f *testing.F) {
	f.Fuzz(func(t *testing.T, which, position uint8, patch bool, offset uint16, b []byte) {
		e := fuzzSlivers()[int(which)%len(fuzzSliverBlobs)]
		p := int(position) % (2 * e.l.n)
		s := e.l.SliverAt(p)
		good := e.storedForm(p)
		input := b
		if patch {
			input = bytes.Clone(good)
			at := int(offset) % (len(input) + 1)
			input = append(input[:at], append(bytes.Clone(b), input[min(at+len(b), len(input)):]...)...)
		}
		var got []byte
		each := func(c StripeIndex, root Hash, data []byte) error {
			if root != e.roots[p][c] {
				t.Errorf("%v, stripe %d: root %v passes", s, c, root)
			}
			got = append(got, data...)
			return nil
		}
		err := ReadSliver(context.Background(), iotest.HalfReader(bytes.NewReader(input)), e.l, s, e.meta.Values[p], each)
		if same := bytes.Equal(input, good); same != (err == nil) {
			t.Errorf("%v: %v, though the bytes are the sliver: %v", s, err, same)
		}
		if !bytes.HasPrefix(e.data[p], got) {
			t.Errorf("%v: bytes that are not of the sliver pass", s)
		}
		var se *SliverError
		if err != nil && (!errors.As(err, &se) || se.Sliver != s ||
			!errors.Is(err, ErrLength) && !errors.Is(err, ErrRoots) && !errors.Is(err, ErrStripe)) {
			t.Errorf("%v: %v", s, err)
		}
	})
}

// FuzzDecode damages slivers at random and compares the decoder with what counting says: where every stripe has enough
// slivers of an axis the blob comes out, else a NotEnoughError does, and only what was damaged is blamed.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, n uint8, size uint32, seed uint64, missing, torn uint8, from, length uint32) {
		g := mustGrid(t, 4+int(n)%10)
		e := encodeBlob(t, g.n, randomBlob(seed, int(size)%(3*24576)))
		r := rand.New(rand.NewPCG(seed, 1))
		stripes := e.l.Stripes()
		good := make([][]bool, 2*g.n) // by position and stripe
		var sources []Source
		for p := range good {
			good[p] = make([]bool, stripes)
			if r.IntN(256) < int(missing) {
				continue
			}
			s := e.l.SliverAt(p)
			src := &badSource{memSource: e.source(s.Axis, int(s.Index))}
			for c := range stripes {
				good[p][c] = true
			}
			if r.IntN(256) < int(torn) {
				c := StripeIndex(r.IntN(stripes))
				at := int(e.l.SliverStripeOffset(s.Axis, c))
				switch r.IntN(5) {
				case 0:
					src.roots[c][r.IntN(32)] ^= 1 << r.IntN(6)
					clear(good[p])
				case 1:
					src.data[at+r.IntN(e.l.SliverStripeSize(s.Axis, c))] ^= 1 << r.IntN(8)
					good[p][c] = false
				case 2:
					src.onStripe = failOn(c)
					good[p][c] = false
				case 3:
					src.data = src.data[:at]
					clear(good[p][c:])
				case 4:
					src.onRoots = func(context.Context) error { return errBoom }
					clear(good[p])
				}
			}
			sources = append(sources, src)
		}
		r.Shuffle(len(sources), func(i, k int) { sources[i], sources[k] = sources[k], sources[i] })
		enough := func(c int) bool {
			primaries, secondaries := 0, 0
			for p := range good {
				if good[p][c] && p < g.n {
					primaries++
				} else if good[p][c] {
					secondaries++
				}
			}
			return primaries >= g.rows || secondaries >= g.cols
		}
		check := func(what string, err error, out, want []byte, must, mustNot bool) {
			t.Helper()
			switch {
			case err == nil && !bytes.Equal(out, want):
				t.Errorf("%s: wrong bytes", what)
			case err == nil && mustNot:
				t.Errorf("%s: decoded from too few slivers", what)
			case err != nil && must:
				t.Errorf("%s: %v, though there are enough slivers", what, err)
			case err != nil && !errors.Is(err, ErrNotEnough):
				t.Errorf("%s: %v", what, err)
			case !bytes.HasPrefix(want, out):
				t.Errorf("%s: wrong bytes before an error", what)
			}
		}
		all := true
		for c := range stripes {
			all = all && enough(c)
		}
		d := e.decoder(t, sources)
		var out bytes.Buffer
		err := d.Decode(context.Background(), &out)
		check("Decode", err, out.Bytes(), e.blob, all, !all)
		out.Reset()
		err = d.DecodeFast(context.Background(), &out)
		check("DecodeFast", err, out.Bytes(), e.blob, all, !all && len(e.blob) > 0)
		if len(e.blob) > 0 {
			at := int(from) % len(e.blob)
			count := 1 + int(length)%(len(e.blob)-at)
			out.Reset()
			err = d.DecodeRange(context.Background(), &out, uint64(at), uint64(count))
			must := true
			first, end := e.l.StripesOf(uint64(at), uint64(count))
			for c := first; c < end; c++ {
				must = must && enough(int(c))
			}
			check("DecodeRange", err, out.Bytes(), e.blob[at:at+count], must, false)
		}
		for _, bad := range d.Bad() {
			p := e.l.Position(bad.Sliver)
			if bad.Stripe >= 0 && good[p][bad.Stripe] || bad.Stripe < 0 && good[p][0] {
				t.Errorf("a good sliver is refused: %v", bad)
			}
		}
		if err := d.DecodeRange(context.Background(), io.Discard, uint64(len(e.blob)), 1); !errors.Is(err, ErrIndex) {
			t.Errorf("a byte beyond the end: %v", err)
		}
	})
}
