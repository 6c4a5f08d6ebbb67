package codec

import (
	"context"
	"fmt"
	"sync"
)

// SymbolSource is a neighbour that holds a sliver across the one that is recovered, or the repairer's own such
// sliver. Its methods are called from one goroutine at a time, but several sources are asked at the same time.
type SymbolSource interface {
	// Sliver says which sliver the symbols are taken from.
	Sliver() SliverIndex
	// ReadSymbols fills dst with the symbols where the sliver crosses the target, for the stripes
	// first ≤ c < end, one after another: [Layout.SymbolRun] bytes.
	ReadSymbols(ctx context.Context, target SliverIndex, first, end StripeIndex, dst []byte) error
	// ReadProofs returns the same symbols with their paths, one proof a stripe. It is asked only when a recovered sliver
	// does not match its commitment, to find out who lied.
	ReadProofs(ctx context.Context, target SliverIndex, first, end StripeIndex) ([]*SymbolProof, error)
}

// storedSymbols makes a [SymbolSource] out of a stored sliver.
type storedSymbols struct {
	Source
	x    *Extractor
	read func(bytes int64)

	mu    sync.Mutex // guards upper
	upper merkleTree // over the stripe roots, once a proof was asked for
}

// NewSymbolSource returns a source that takes symbols out of a stored sliver, as a neighbour does that answers
// a repairer. read, if not nil, is told how many bytes of stripes were read for symbols.
func NewSymbolSource(l Layout, src Source, read func(bytes int64)) (SymbolSource, error) {
	x, err := NewExtractor(l)
	if err != nil {
		return nil, err
	}
	if read == nil {
		read = func(int64) {}
	}
	return &storedSymbols{Source: src, x: x, read: read}, nil
}

func (s *storedSymbols) ReadSymbols(ctx context.Context, target SliverIndex, first, end StripeIndex, dst []byte) error {
	n, err := s.x.Symbols(ctx, s.Source, target, first, end, dst)
	s.read(n)
	return err
}

func (s *storedSymbols) ReadProofs(ctx context.Context, target SliverIndex, first, end StripeIndex) ([]*SymbolProof, error) {
	upper, err := s.upperTree(ctx)
	if err != nil {
		return nil, err
	}
	var proofs []*SymbolProof
	for c := first; c < end; c++ {
		p, err := s.x.proof(ctx, s.Source, upper, target, c)
		if err != nil {
			return nil, err
		}
		proofs = append(proofs, p)
	}
	return proofs, nil
}

func (s *storedSymbols) upperTree(ctx context.Context) (merkleTree, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.upper == nil {
		t, err := s.x.upperTree(ctx, s.Source)
		if err != nil {
			return nil, err
		}
		s.upper = t
	}
	return s.upper, nil
}

// provenSymbols asks a source for the symbols where the target crosses it, and checks them. With an error comes the
// stripe that it is about.
func provenSymbols(ctx context.Context, l Layout, values Commitments, s SymbolSource, target SliverIndex, first, end StripeIndex) ([]*SymbolProof, StripeIndex, error) {
	value, ok := values.Committed(s.Sliver())
	if !ok {
		return nil, first, unknownValue(s.Sliver())
	}
	proofs, err := s.ReadProofs(ctx, target, first, end)
	if err != nil {
		return nil, first, err
	}
	if len(proofs) != int(end-first) {
		return nil, first, fmt.Errorf("%w: %d proofs for %d stripes", ErrProof, len(proofs), end-first)
	}
	for i, p := range proofs {
		c := first + StripeIndex(i)
		if p == nil || p.Sliver != s.Sliver() || p.Stripe != c || p.Symbol != target.Index {
			return nil, c, fmt.Errorf("%w: it is about another symbol", ErrProof)
		}
		if err := p.Verify(l, value); err != nil {
			return nil, c, err
		}
	}
	return proofs, end, nil
}
