package cli

import (
	"context"
	"fmt"
	"io"

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
