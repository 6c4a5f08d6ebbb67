package codec

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/selvage-network/selvage/codec/internal/naive"
)

// fuzzWriters are honest writers that fuzzing tries to convict: of one short stripe, of two, and of more shards. The
// seeds in testdata/fuzz hold genuine proofs against their slivers.
var fuzzWriters = sync.OnceValue(func() []*writer {
	t := new(testing.T)
	return []*writer{
		newWriter(t, 4, randomBlob(1, 9), nil),
		newWriter(t, 4, randomBlob(2, 24_576+17), nil),
		newWriter(t, 7, randomBlob(3, 100), nil),
	}
})

func FuzzVerifyInconsistency(f *testing.F) {
	f.Add(byte(0), []byte{})
	f.Add(byte(1), []byte{inconsistencyVersion, formWhole, 0})
	f.Add(byte(2), []byte{inconsistencyVersion, formShort, 1})
	f.Fuzz(func(t *testing.T, which byte, proof []byte) {
		w := fuzzWriters()[int(which)%len(fuzzWriters())]
		target, err := VerifyInconsistency(context.Background(), w.meta.Blob, bytes.NewReader(proof))
		if err == nil {
			t.Fatalf("an honest writer is convicted, of %v", target)
		}
		if !errors.Is(err, ErrProof) && !errors.Is(err, ErrConsistent) && !errors.Is(err, ErrLength) {
			t.Fatalf("%v wraps none of ErrProof, ErrConsistent, ErrLength", err)
		}
	})
}

// fuzzHeaders are genuine proofs whose openings are checked once, because that is nearly all of the time that a
// check takes: of each writer's primary 0 and last secondary, both forms of each.
var fuzzHeaders = sync.OnceValue(func() (all []*inconsistencyReader) {
	t := new(testing.T)
	for _, w := range fuzzWriters() {
		for _, target := range []SliverIndex{{Primary, 0}, {Secondary, uint16(w.l.n - 1)}} {
			need := w.l.Needed(target.Axis.Other())
			witnesses := w.sources(target.Axis.Other(), seq(w.l.n-need, w.l.n)...)
			for _, proof := range [][]byte{
				w.wholeProof(t, target, witnesses),
				w.shortProof(t, target, StripeIndex(w.l.Stripes()-1), witnesses),
			} {
				c, err := newCoder(w.l.Grid)
				if err != nil {
					panic(err)
				}
				v := &inconsistencyReader{in: bufio.NewReader(bytes.NewReader(proof)), layout: w.l, blob: w.meta.Blob, w: newWorker(c)}
				if err := v.header(context.Background()); err != nil {
					panic(err)
				}
				all = append(all, v)
			}
		}
	}
	return all
})

// FuzzInconsistencyBody is FuzzVerifyInconsistency for what follows a genuine header.
func FuzzInconsistencyBody(f *testing.F) {
	f.Add(byte(0), []byte{})
	f.Fuzz(func(t *testing.T, which byte, body []byte) {
		v := *fuzzHeaders()[int(which)%len(fuzzHeaders())]
		v.in = bufio.NewReader(bytes.NewReader(body))
		read := v.whole
		if v.form == formShort {
			read = v.short
		}
		wrong, err := read(context.Background())
		if wrong && err == nil {
			t.Fatalf("an honest writer is convicted, of %v", v.target)
		}
		if err != nil && !errors.Is(err, ErrProof) && !errors.Is(err, ErrLength) {
			t.Fatalf("%v wraps neither ErrProof nor ErrLength", err)
		}
	})
}

func FuzzSymbolProof(f *testing.F) {
	f.Add(byte(0), byte(0), uint16(0), uint32(0), uint16(0), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, which, axis byte, sliver uint16, stripe uint32, symbol uint16, data, path []byte) {
		w := fuzzWriters()[int(which)%len(fuzzWriters())]
		p := &SymbolProof{Sliver: SliverIndex{Axis(axis), sliver}, Stripe: StripeIndex(stripe), Symbol: symbol, Data: data}
		for h := range slices.Chunk(path, HashSize) {
			p.Path = append(p.Path, Hash(append(bytes.Clone(h), make([]byte, HashSize-len(h))...)))
		}
		value, known := w.meta.Committed(p.Sliver)
		err := p.Verify(w.l, value)
		if err != nil {
			if !errors.Is(err, ErrProof) && !errors.Is(err, ErrIndex) && !errors.Is(err, ErrLength) {
				t.Fatalf("%v wraps none of ErrProof, ErrIndex, ErrLength", err)
			}
			if known && int(stripe) < w.l.Stripes() && int(symbol) < w.l.n &&
				bytes.Equal(data, w.symbol(p.Sliver, int(stripe), int(symbol))) && slices.Equal(p.Path, w.prove(p.Sliver, p.Stripe, symbol).Path) {
				t.Fatalf("a good proof is refused: %v", err)
			}
			return
		}
		if !known || int(stripe) >= w.l.Stripes() || int(symbol) >= w.l.n {
			t.Fatalf("accepted: symbol %d of %v, stripe %d, which the blob does not have", symbol, p.Sliver, stripe)
		}
		if !bytes.Equal(data, w.symbol(p.Sliver, int(stripe), int(symbol))) || !slices.Equal(p.Path, w.prove(p.Sliver, p.Stripe, symbol).Path) {
			t.Fatalf("accepted: symbol %d of %v, stripe %d, with other bytes", symbol, p.Sliver, stripe)
		}
		d := naive.Hash(value)
		var hashes []naive.Hash
		for _, h := range p.Path {
			hashes = append(hashes, naive.Hash(h))
		}
		params, _ := naive.NewParams(w.l.n)
		if !params.VerifySymbol(w.l.size, d, int(stripe), int(symbol), data, hashes) {
			t.Fatal("the reference refuses it")
		}
	})
}
