package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/selvage-network/selvage/codec"
)

// decodeBytes is the size of a blob whose slivers are kept in memory, unless two full stripes are larger.
const decodeBytes = 64 << 20

// memSliver is a sliver in memory.
type memSliver struct {
	layout codec.Layout
	sliver codec.SliverIndex
	roots  []codec.Hash
	data   []byte
}

func (m *memSliver) Sliver() codec.SliverIndex { return m.sliver }

func (m *memSliver) StripeRoots(context.Context) ([]codec.Hash, error) { return m.roots, nil }

func (m *memSliver) ReadStripe(_ context.Context, c codec.StripeIndex, dst []byte) error {
	copy(dst, m.data[m.layout.SliverStripeOffset(m.sliver.Axis, c):])
	return nil
}

// memSink keeps some slivers in memory.
type memSink map[codec.SliverIndex]*memSliver

// newMemSink keeps count slivers of an axis, from the given one on.
func newMemSink(l codec.Layout, a codec.Axis, from, count int) memSink {
	sink := make(memSink)
	for i := from; i < from+count; i++ {
		s := codec.SliverIndex{Axis: a, Index: uint16(i)}
		sink[s] = &memSliver{layout: l, sliver: s, data: make([]byte, 0, l.SliverDataSize(a))}
	}
	return sink
}

func (m memSink) WriteStripe(_ context.Context, s codec.SliverIndex, _ codec.StripeIndex, root codec.Hash, data []byte) error {
	if kept := m[s]; kept != nil {
		kept.roots = append(kept.roots, root)
		kept.data = append(kept.data, data...)
	}
	return nil
}

func (m memSink) sources() []codec.Source {
	var all []codec.Source
	for _, s := range m {
		all = append(all, s)
	}
	return all
}

// decodeFrom measures decoding from the slivers of an axis, from the given one on.
func (b *gridBench) decodeFrom(a codec.Axis, from int, fast, full *float64) error {
	size := min(b.size, max(decodeBytes, 2*int64(b.grid.StripeSize())))
	if b.DecodeSize == 0 {
		b.DecodeSize = size
	}
	l, err := b.grid.Layout(uint64(size))
	if err != nil {
		return err
	}
	sink := newMemSink(l, a, from, b.grid.Needed(a))
	m, err := b.encodeBlob(size, sink)
	if err != nil {
		return err
	}
	resetPeak()
	for _, way := range []struct {
		result *float64
		decode func(*codec.Decoder) error
	}{
		{fast, func(d *codec.Decoder) error { return d.DecodeFast(b.ctx, io.Discard) }},
		{full, func(d *codec.Decoder) error { return d.Decode(b.ctx, io.Discard) }},
	} {
		seconds, err := median(b.runs, func() error {
			d, err := codec.NewDecoder(m.Blob, m, sink.sources(), codec.Options{})
			if err != nil {
				return err
			}
			return way.decode(d)
		})
		if err != nil {
			return fmt.Errorf("decode: %w", err)
		}
		*way.result = float64(size) / megabyte / seconds
	}
	b.DecodeRSS = max(b.DecodeRSS, peakMemory())
	return nil
}

func (b *gridBench) decodeSystematic() error {
	return b.decodeFrom(codec.Primary, 0, &b.DecodeFast, &b.Decode)
}

func (b *gridBench) decodeParity() error {
	n := b.grid.Shards()
	if err := b.decodeFrom(codec.Primary, n-b.grid.Rows(), &b.DecodeFastParityPrim, &b.DecodeParityPrimary); err != nil {
		return err
	}
	return b.decodeFrom(codec.Secondary, n-b.grid.Cols(), &b.DecodeFastParitySecond, &b.DecodeParitySecondary)
}

// crossing is a neighbour that has its symbols of one target at hand.
type crossing struct {
	sliver  codec.SliverIndex
	symbols []byte
	offsets []int // by stripe, with the end behind the last
}

func (c *crossing) Sliver() codec.SliverIndex { return c.sliver }

func (c *crossing) ReadSymbols(_ context.Context, _ codec.SliverIndex, first, end codec.StripeIndex, dst []byte) error {
	copy(dst, c.symbols[c.offsets[first]:c.offsets[end]])
	return nil
}

var errHonest = errors.New("nobody lies in a measurement")

func (c *crossing) ReadProof(context.Context, codec.SliverIndex, codec.StripeIndex) (*codec.SymbolProof, error) {
	return nil, errHonest
}

// crossingSink keeps the symbols with which the first sliver of each axis is recovered: those where the last slivers
// of the other axis cross it. That is as much as the slivers recovered, whatever the size of the blob.
type crossingSink struct {
	layout codec.Layout
	mu     sync.Mutex
	kept   map[codec.SliverIndex]*crossing
}

func (k *crossingSink) WriteStripe(_ context.Context, s codec.SliverIndex, c codec.StripeIndex, _ codec.Hash, data []byte) error {
	if int(s.Index) < k.layout.Shards()-k.layout.Needed(s.Axis) {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	x := k.kept[s]
	if x == nil {
		x = &crossing{sliver: s, offsets: []int{0}}
		k.kept[s] = x
	}
	x.symbols = append(x.symbols, data[:k.layout.SymbolSize(c)]...) // symbol 0 is stored first
	x.offsets = append(x.offsets, len(x.symbols))
	return nil
}

// recover measures recovering a sliver of each axis.
func (b *gridBench) recover() error {
	l, err := b.grid.Layout(uint64(b.size))
	if err != nil {
		return err
	}
	sink := &crossingSink{layout: l, kept: make(map[codec.SliverIndex]*crossing)}
	if b.meta, err = b.encodeBlob(b.size, sink); err != nil {
		return err
	}
	for _, way := range []struct {
		axis   codec.Axis
		result *recoverResult
	}{{codec.Primary, &b.RecoverPrimary}, {codec.Secondary, &b.RecoverSecondary}} {
		target := codec.SliverIndex{Axis: way.axis}
		var sources []codec.SymbolSource
		for s, x := range sink.kept {
			if s.Axis != way.axis {
				sources = append(sources, x)
			}
		}
		seconds, err := median(max(5, b.runs), func() error {
			_, err := codec.Recover(b.ctx, l, b.meta, target, nil, sources, discardSink{}, codec.Options{})
			return err
		})
		if err != nil {
			return err
		}
		r := way.result
		r.Bytes = l.SliverDataSize(way.axis)
		r.Speed = float64(r.Bytes) / megabyte / seconds
		hash := float64(r.Bytes) / megabyte / (b.machine.SHA256 * float64(b.machine.Cores))
		r.ToHash = seconds / hash
		r.ToHashExpansion = r.ToHash * float64(b.grid.Stored(way.axis)) / float64(b.grid.Shards())
	}
	return nil
}
