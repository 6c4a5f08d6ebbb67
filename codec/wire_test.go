package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/selvage-network/selvage/codec/kzg"
)

func TestSymbolProofBinary(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 10, threeStripeBlob(mustGrid(t, 10), 1))
	x := mustExtractor(t, e.l)
	for _, axis := range []Axis{Primary, Secondary} {
		src := e.source(axis, 3)
		value, _ := e.meta.Committed(src.s)
		for c := range StripeIndex(3) {
			for _, symbol := range []uint16{0, 7, 9} {
				p, err := x.Proof(ctx, src, src.s.Across(symbol), c)
				if err != nil {
					t.Fatal(err)
				}
				b, _ := p.AppendBinary([]byte("before"))
				b = b[len("before"):]
				if want := e.l.SymbolProofSize(c, int(symbol)); len(b) != want {
					t.Fatalf("%d bytes, SymbolProofSize says %d", len(b), want)
				}
				q, err := ParseSymbolProof(e.l, src.s, c, symbol, b)
				if err != nil {
					t.Fatal(err)
				}
				clear(b) // the proof is its own
				if err := q.Verify(e.l, value); err != nil {
					t.Error(err)
				}
				for _, bad := range [][]byte{nil, make([]byte, len(b)-1), make([]byte, len(b)+1)} {
					if _, err := ParseSymbolProof(e.l, src.s, c, symbol, bad); !errors.Is(err, ErrLength) {
						t.Errorf("%d bytes: %v", len(bad), err)
					}
				}
			}
		}
		for _, bad := range []SymbolProof{{Sliver: SliverIndex{axis, 10}}, {Sliver: src.s, Stripe: 3}, {Sliver: src.s, Symbol: 10}} {
			if _, err := ParseSymbolProof(e.l, bad.Sliver, bad.Stripe, bad.Symbol, nil); !errors.Is(err, ErrIndex) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	}
}

func TestSliverOpeningBinary(t *testing.T) {
	e := encodeBlob(t, 7, formula(100))
	opener, err := NewOpener(e.meta)
	if err != nil {
		t.Fatal(err)
	}
	s := SliverIndex{Secondary, 6}
	o, err := opener.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := o.AppendBinary(nil)
	got, err := ParseSliverOpening(s, b)
	if err != nil || got != o {
		t.Fatalf("%v, %v", got, err)
	}
	if err := VerifyOpenings(context.Background(), []BlobOpening{{e.meta.Blob, got}}); err != nil {
		t.Error(err)
	}
	for _, bad := range [][]byte{nil, b[1:], append(bytes.Clone(b), 0)} {
		_, err := ParseSliverOpening(s, bad)
		wantSliverError(t, err, s, -1, ErrLength)
	}
	b[0] |= 0x80
	_, err = ParseSliverOpening(s, b)
	wantSliverError(t, err, s, -1, ErrProof)
}

func TestSliverTree(t *testing.T) {
	g := mustGrid(t, 4)
	for _, stripes := range []int{1, 2, 8, 9, 70} {
		e := encodeBlob(t, 4, randomBlob(5, stripes*g.StripeSize()))
		roots := e.roots[1]
		tree, err := NewSliverTree(e.l, roots)
		if err != nil {
			t.Fatal(err)
		}
		value := e.meta.Values[1]
		if tree.Root().Committed() != value {
			t.Fatal("another root")
		}
		for c := range StripeIndex(stripes) {
			path, err := tree.Path(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := VerifyStripeRoot(e.l, value, c, roots[c], path); err != nil {
				t.Error(err)
			}
			wrong := roots[c]
			wrong[31] ^= 1
			for name, err := range map[string]error{
				"root":   VerifyStripeRoot(e.l, value, c, wrong, path),
				"value":  VerifyStripeRoot(e.l, e.meta.Values[2], c, roots[c], path),
				"longer": VerifyStripeRoot(e.l, value, c, roots[c], append(path[:len(path):len(path)], Hash{})),
			} {
				if !errors.Is(err, ErrProof) {
					t.Errorf("%d stripes, stripe %d, wrong %s: %v", stripes, c, name, err)
				}
			}
		}
		if err := VerifyStripeRoot(e.l, value, StripeIndex(stripes), roots[0], nil); !errors.Is(err, ErrIndex) {
			t.Errorf("no such stripe: %v", err)
		}
		if _, err := tree.Path(StripeIndex(stripes)); !errors.Is(err, ErrIndex) {
			t.Errorf("no such stripe: %v", err)
		}
		if _, err := NewSliverTree(e.l, roots[1:]); !errors.Is(err, ErrLength) {
			t.Errorf("a root short: %v", err)
		}
	}
}

func TestParseStoredMetadata(t *testing.T) {
	e := encodeBlob(t, 7, formula(1000))
	b, _ := e.meta.MarshalBinary()
	m, err := ParseStoredMetadata(b, e.meta.ID())
	if err != nil || m.Blob != e.meta.Blob {
		t.Fatalf("%+v, %v", m, err)
	}
	// That is all it promises: altered values pass here and not in ParseMetadata.
	b[len(b)-1] ^= 1
	if _, err := ParseStoredMetadata(b, e.meta.ID()); err != nil {
		t.Error(err)
	}
	if _, err := ParseMetadata(b, e.meta.ID()); !errors.Is(err, ErrMetadata) {
		t.Errorf("altered values: %v", err)
	}
	b[2] ^= 1
	if _, err := ParseStoredMetadata(b, e.meta.ID()); !errors.Is(err, ErrMetadata) {
		t.Errorf("altered size: %v", err)
	}
	by := &Metadata{Blob: Blob{Shards: 7}} // made by hand, without values
	if _, ok := by.Committed(SliverIndex{}); ok {
		t.Error("a value out of nothing")
	}
	if _, err := NewOpener(by); !errors.Is(err, ErrMetadata) {
		t.Errorf("opener: %v", err)
	}
}

// Nothing false is proven: rot shows before anybody is shown a proof.
func TestProofOfRot(t *testing.T) {
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 2))
	src := e.source(Primary, 1)
	src.data[e.l.SliverStripeOffset(Primary, 1)+9] ^= 4
	x := mustExtractor(t, e.l)
	for c := range StripeIndex(3) {
		_, err := x.Proof(context.Background(), src, src.s.Across(5), c)
		if c == 1 {
			wantSliverError(t, err, src.s, 1, ErrStripe)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// A source that fails in one step serves in the others where it is needed, and one that is not available is not blamed.
func TestRecoverFailsInOneStep(t *testing.T) {
	const n = 4
	g := mustGrid(t, n)
	step := StripeIndex(recoverBytes / (g.Stored(Primary) * g.maxSymbol))
	e := encodeBlob(t, n, randomBlob(3, (2*int(step)+1)*g.StripeSize()))
	target := SliverIndex{Primary, 0}
	for name, c := range map[string]struct {
		err error
		bad int
	}{"an error": {errors.New("boom"), 2}, "not available": {fmt.Errorf("503: %w", ErrUnavailable), 0}} {
		// Four secondaries, three needed: one fails in the first step, another in the second.
		sources := symbolSources(e.neighbours(t, Secondary, 0, 1, 2, 3))
		sources[0] = &failAt{sources[0], 0, c.err}
		sources[1] = &failAt{sources[1], step, c.err}
		sink := newRestartSink(e.l)
		done, err := Recover(context.Background(), e.l, e.meta, target, nil, sources, sink, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(done.Bad) != c.bad {
			t.Errorf("%s: bad %v, want %d", name, done.Bad, c.bad)
		}
		wantSliver(t, e, sink, target)
	}
}

// failAt fails in the step that begins at a stripe.
type failAt struct {
	SymbolSource
	first StripeIndex
	err   error
}

func (s *failAt) ReadSymbols(ctx context.Context, target SliverIndex, first, end StripeIndex, dst []byte) error {
	if first == s.first {
		return s.err
	}
	return s.SymbolSource.ReadSymbols(ctx, target, first, end, dst)
}

// Junk costs its verifier two pairings, however many openings it has, and gives a short error.
func TestJunkProofIsCheap(t *testing.T) {
	e := encodeBlob(t, 100, formula(5000))
	var junk bytes.Buffer
	junk.Write([]byte{inconsistencyVersion, formShort, byte(Primary), 0, 0})
	one := SliverOpening{Proof: kzg.Proof(e.meta.Commitment)} // a point of the group, and no proof of anything
	b, _ := one.AppendBinary(nil)
	junk.Write(b)
	for i := range e.l.Needed(Secondary) {
		junk.Write([]byte{byte(i), 0})
		junk.Write(b)
	}
	_, err := VerifyInconsistency(context.Background(), e.meta.Blob, &junk)
	if !errors.Is(err, ErrProof) {
		t.Fatal(err)
	}
	if len(err.Error()) > 500 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func FuzzParseSymbolProof(f *testing.F) {
	g := mustGrid(f, 10)
	l, err := g.Layout(1000)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), uint16(3), uint16(4), uint32(0), make([]byte, l.SymbolProofSize(0, 4)))
	f.Add(uint8(1), uint16(9), uint16(9), uint32(1), []byte{})
	f.Fuzz(func(t *testing.T, axis uint8, index, symbol uint16, stripe uint32, b []byte) {
		p, err := ParseSymbolProof(l, SliverIndex{Axis(axis), index}, StripeIndex(stripe), symbol, b)
		if err != nil {
			return
		}
		back, _ := p.AppendBinary(nil)
		if !bytes.Equal(back, b) {
			t.Fatal("not what was parsed")
		}
		if p.Verify(l, Committed{}) == nil {
			t.Fatal("proven out of nothing")
		}
	})
}
