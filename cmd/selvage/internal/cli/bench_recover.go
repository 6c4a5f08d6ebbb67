package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/selvage-network/selvage/codec"
)

// Bounds of the blob whose slivers are recovered: the whole of it, and the symbols that are kept of it.
const (
	recoverBlob    = 1 << 30
	recoverSymbols = 64 << 20
)

// crossing is a neighbour that has its symbols of one target at hand.
type crossing struct {
	layout  codec.Layout
	sliver  codec.SliverIndex
	symbols []byte
}

func (c *crossing) Sliver() codec.SliverIndex { return c.sliver }

func (c *crossing) ReadSymbols(_ context.Context, _ codec.SliverIndex, first, _ codec.StripeIndex, dst []byte) error {
	copy(dst, c.symbols[c.layout.SymbolRun(0, first):])
	return nil
}

var errHonest = errors.New("nobody lies in a measurement")

func (c *crossing) ReadProofs(context.Context, codec.SliverIndex, codec.StripeIndex, codec.StripeIndex) ([]*codec.SymbolProof, error) {
	return nil, errHonest
}

// crossingSink keeps the symbols where every sliver crosses the first sliver of the other axis. That is not much more
// than these two slivers.
type crossingSink struct {
	layout codec.Layout
	kept   []*crossing // by position
}

func newCrossingSink(l codec.Layout) *crossingSink {
	k := &crossingSink{layout: l}
	for p := range 2 * l.Shards() {
		k.kept = append(k.kept, &crossing{layout: l, sliver: l.SliverAt(p)})
	}
	return k
}

// WriteStripe implements [codec.Sink]. The calls for one sliver come one after another.
func (k *crossingSink) WriteStripe(_ context.Context, s codec.SliverIndex, c codec.StripeIndex, _ codec.Hash, data []byte) error {
	x := k.kept[k.layout.Position(s)]
	x.symbols = append(x.symbols, data[:k.layout.SymbolSize(c)]...) // the symbol at 0 stands in front
	return nil
}

// neighbours are the slivers across an axis, without the missing ones, in their order: the systematic ones first.
func (k *crossingSink) neighbours(target codec.Axis, missing []int) []codec.SymbolSource {
	gone := make(map[int]bool)
	for _, i := range missing {
		gone[i] = true
	}
	var all []codec.SymbolSource
	for _, x := range k.kept {
		if x.sliver.Axis != target && !gone[int(x.sliver.Index)] {
			all = append(all, x)
		}
	}
	return all
}

// recover measures recovering a sliver of each axis while all neighbours answer, while f of them are silent, and from
// parity slivers as far as there are enough, the worst case.
func (b *gridBench) recover() error {
	g := b.grid
	stripe := int64(g.StripeSize())
	stripes := max(1, min(recoverBlob, 4*b.size)/stripe)
	stripes = max(1, min(stripes, recoverSymbols/int64(g.Shards()*g.MaxSymbolSize())))
	l, err := g.Layout(uint64(stripes * stripe))
	if err != nil {
		return err
	}
	sink := newCrossingSink(l)
	m, err := b.encodeBlob(int64(l.Size()), sink)
	if err != nil {
		return err
	}
	b.RecoverSize = int64(l.Size())
	for _, axis := range []codec.Axis{codec.Primary, codec.Secondary} {
		for _, way := range []struct {
			name    string
			missing []int
		}{
			{"all answer", nil},
			{"f silent", rand.New(rand.NewPCG(1, 2)).Perm(g.Shards())[:g.Faults()]},
			{"parity only", firstIntegers(g.Shards() - g.Stored(axis))},
		} {
			r, err := b.recoverOne(l, m, axis, sink.neighbours(axis, way.missing))
			if err != nil {
				return fmt.Errorf("recover a %v, %s: %w", axis, way.name, err)
			}
			r.Axis, r.Neighbours = axis.String(), way.name
			b.Recover = append(b.Recover, r)
		}
	}
	return nil
}

func firstIntegers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func (b *gridBench) recoverOne(l codec.Layout, m *codec.Metadata, axis codec.Axis, neighbours []codec.SymbolSource) (recoverResult, error) {
	seconds, err := median(max(5, b.runs), func() error {
		_, err := codec.Recover(b.ctx, l, m, codec.SliverIndex{Axis: axis}, nil, neighbours, discardSink{}, codec.Options{})
		return err
	})
	r := recoverResult{Bytes: l.SliverDataSize(axis)}
	r.Speed = float64(r.Bytes) / megabyte / seconds
	expanded := float64(r.Bytes) * float64(b.grid.Shards()) / float64(b.grid.Stored(axis))
	hash := expanded / megabyte / b.SHA256
	r.ToHashOne = seconds / hash
	r.ToHashAll = r.ToHashOne * float64(b.machine.Cores)
	return r, err
}
