package codec

import (
	"fmt"

	"github.com/selvage-network/selvage/codec/kzg"
)

// SymbolProofSize is the number of bytes of a symbol proof in its binary form.
func (l Layout) SymbolProofSize(c StripeIndex, symbol int) int {
	inStripe, inSliver := l.PathLens(c, symbol)
	return l.SymbolSize(c) + (inStripe+inSliver)*HashSize
}

// AppendBinary appends symbol ‖ siblings, leaf level first. Which symbol it is, the reader knows: it asked for it.
func (p *SymbolProof) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, p.Data...)
	return append(b, HashBytes(p.Path)...), nil
}

// ParseSymbolProof reads a proof of the given symbol from b, which must have exactly the right length. It checks
// nothing else: see [SymbolProof.Verify]. The proof keeps no reference to b.
func ParseSymbolProof(l Layout, s SliverIndex, c StripeIndex, symbol uint16, b []byte) (*SymbolProof, error) {
	p := &SymbolProof{Sliver: s, Stripe: c, Symbol: symbol}
	if err := p.checkPlace(l); err != nil {
		return nil, err
	}
	if want := l.SymbolProofSize(c, int(symbol)); len(b) != want {
		return nil, p.wrap(fmt.Errorf("%w: %w: %d bytes, want %d", ErrProof, ErrLength, len(b), want))
	}
	t := l.SymbolSize(c)
	p.Data = append(p.Data, b[:t]...)
	p.Path = make(Path, (len(b)-t)/HashSize)
	copy(HashBytes(p.Path), b[t:])
	return p, nil
}

// SliverOpeningSize is the number of bytes of an opening in its binary form.
const SliverOpeningSize = HashSize + kzg.ProofSize

// AppendBinary appends d ‖ KZG proof. Which sliver it is, the reader knows.
func (o SliverOpening) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, o.Value[:]...)
	return append(b, o.Proof[:]...), nil
}

// ParseSliverOpening reads the opening of the given sliver from b, which must have exactly [SliverOpeningSize] bytes.
// It refuses a d with a top bit set, and checks nothing else: see [VerifyOpenings].
func ParseSliverOpening(s SliverIndex, b []byte) (SliverOpening, error) {
	if len(b) != SliverOpeningSize {
		return SliverOpening{}, aboutSliver(s, -1, fmt.Errorf("%w: an opening of %d bytes, want %d", ErrLength, len(b), SliverOpeningSize))
	}
	value, err := ParseCommitted(b[:HashSize])
	if err != nil {
		return SliverOpening{}, aboutSliver(s, -1, fmt.Errorf("%w: %w", ErrProof, err))
	}
	return SliverOpening{Sliver: s, Value: value, Proof: kzg.Proof(b[HashSize:])}, nil
}
