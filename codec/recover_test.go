package codec

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// askSource counts what it is asked, and may lie or fail.
type askSource struct {
	SymbolSource
	asked  atomic.Int64 // calls of ReadSymbols
	bytes  atomic.Int64 // that ReadSymbols was asked for
	proofs atomic.Int64 // calls of ReadProof

	// read changes what ReadSymbols gives; prove what ReadProof gives.
	read  func(first, end StripeIndex, dst []byte) error
	prove func(p *SymbolProof) (*SymbolProof, error)
}

func (s *askSource) ReadSymbols(ctx context.Context, target SliverIndex, first, end StripeIndex, dst []byte) error {
	s.asked.Add(1)
	s.bytes.Add(int64(len(dst)))
	if err := s.SymbolSource.ReadSymbols(ctx, target, first, end, dst); err != nil {
		return err
	}
	if s.read != nil {
		return s.read(first, end, dst)
	}
	return nil
}

func (s *askSource) ReadProof(ctx context.Context, target SliverIndex, c StripeIndex) (*SymbolProof, error) {
	s.proofs.Add(1)
	p, err := s.SymbolSource.ReadProof(ctx, target, c)
	if err == nil && s.prove != nil {
		return s.prove(p)
	}
	return p, err
}

// restartSink keeps slivers, each of which may begin anew at stripe 0.
type restartSink struct {
	l      Layout
	mu     sync.Mutex
	roots  map[SliverIndex][]Hash
	data   map[SliverIndex][]byte
	starts map[SliverIndex]int
	fail   func(s SliverIndex, c StripeIndex) error
}

func newRestartSink(l Layout) *restartSink {
	return &restartSink{l: l, roots: make(map[SliverIndex][]Hash), data: make(map[SliverIndex][]byte), starts: make(map[SliverIndex]int)}
}

func (m *restartSink) WriteStripe(_ context.Context, s SliverIndex, c StripeIndex, root Hash, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(s, c); err != nil {
			return err
		}
	}
	if c == 0 {
		m.starts[s]++
		m.roots[s], m.data[s] = nil, nil
	}
	if len(m.roots[s]) != int(c) {
		return fmt.Errorf("stripe %d came after %d", c, len(m.roots[s]))
	}
	m.roots[s] = append(m.roots[s], root)
	m.data[s] = append(m.data[s], data...)
	return nil
}
