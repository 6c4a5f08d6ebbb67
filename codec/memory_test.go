package codec

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// memSink keeps slivers in memory in their stored form.
type memSink struct {
	l     Layout
	mu    sync.Mutex
	roots [][]Hash // by position
	data  [][]byte
}

func newMemSink(l Layout) *memSink {
	return &memSink{l: l, roots: make([][]Hash, 2*l.n), data: make([][]byte, 2*l.n)}
}

func (m *memSink) WriteStripe(_ context.Context, s SliverIndex, c StripeIndex, root Hash, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.l.Position(s)
	if len(m.roots[p]) != int(c) {
		return fmt.Errorf("stripe %d came after %d", c, len(m.roots[p]))
	}
	m.roots[p] = append(m.roots[p], root)
	m.data[p] = append(m.data[p], data...)
	return nil
}

// memSource is a sliver in memory that counts what is read of it.
type memSource struct {
	l     Layout
	s     SliverIndex
	roots []Hash
	data  []byte
	reads *atomic.Int64
	fail  error
}

func (m *memSource) Sliver() SliverIndex { return m.s }

func (m *memSource) StripeRoots(context.Context) ([]Hash, error) { return m.roots, m.fail }

func (m *memSource) ReadStripe(_ context.Context, c StripeIndex, dst []byte) error {
	if m.fail != nil {
		return m.fail
	}
	at := m.l.SliverStripeOffset(m.s.Axis, c)
	if at+int64(len(dst)) > int64(len(m.data)) {
		return io.ErrUnexpectedEOF
	}
	copy(dst, m.data[at:])
	if m.reads != nil {
		m.reads.Add(int64(len(dst)))
	}
	return nil
}

// encoded is a blob with all its slivers in memory.
type encoded struct {
	*memSink
	blob  []byte
	meta  *Metadata
	reads atomic.Int64
}

func encodeBlob(t testing.TB, n int, blob []byte) *encoded {
	t.Helper()
	g := mustGrid(t, n)
	l, err := g.Layout(uint64(len(blob)))
	if err != nil {
		t.Fatal(err)
	}
	e := &encoded{memSink: newMemSink(l), blob: blob}
	e.meta, err = Encode(context.Background(), g, bytes.NewReader(blob), int64(len(blob)), e.memSink, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// source returns a copy of a sliver, to be damaged at will.
func (e *encoded) source(a Axis, i int) *memSource {
	s := SliverIndex{a, uint16(i)}
	p := e.l.Position(s)
	return &memSource{l: e.l, s: s, roots: append([]Hash(nil), e.roots[p]...), data: bytes.Clone(e.data[p]), reads: &e.reads}
}

func (e *encoded) sources(a Axis, indices ...int) []Source {
	var out []Source
	for _, i := range indices {
		out = append(out, e.source(a, i))
	}
	return out
}

func (e *encoded) decoder(t testing.TB, sources []Source) *Decoder {
	t.Helper()
	d, err := NewDecoder(e.meta.Blob, e.meta, sources, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func seq(from, to int) (out []int) {
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return
}

// testSizes are sizes around every boundary of a grid's stripes and symbols.
func testSizes(g Grid, limit int) (sizes []int) {
	cells, stripe := g.rows*g.cols, g.StripeSize()
	for _, s := range []int{0, 1, 2, cells - 1, cells, 2*cells + 1, 30 * cells, 63 * cells, 64 * cells, 65 * cells, 130*cells + 7,
		stripe - 1, stripe, stripe + 1, 3*stripe + 65*cells + 3, 9 * stripe} {
		if s <= limit {
			sizes = append(sizes, s)
		}
	}
	return
}

func randomBlob(seed uint64, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}
