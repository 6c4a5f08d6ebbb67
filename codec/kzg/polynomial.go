package kzg

import (
	"fmt"

	"github.com/consensys/gnark-crypto/ecc"
	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// Polynomial is a vector of values prepared for committing to it and opening it. It never changes, so all its methods
// may be called concurrently.
type Polynomial struct {
	setup  *setup
	logN   int
	values []Scalar     // len(values) is the vector's size
	coeffs []fr.Element // N of them, the constant first
}

// Commit commits to a vector of [MinSize] to [MaxSize] values. To open the vector too, use [NewPolynomial].
func Commit(values []Scalar) (Commitment, error) {
	p, err := NewPolynomial(values)
	if err != nil {
		return Commitment{}, err
	}
	return p.Commit()
}

// NewPolynomial interpolates values, of which it keeps a copy. It fails with [ErrSize] or [ErrInvalidScalar].
func NewPolynomial(values []Scalar) (*Polynomial, error) {
	s, err := ceremony()
	if err != nil {
		return nil, err
	}
	return s.newPolynomial(values)
}

func (s *setup) newPolynomial(values []Scalar) (*Polynomial, error) {
	logN, err := checkSize(len(values))
	if err != nil {
		return nil, err
	}
	p := &Polynomial{
		setup:  s,
		logN:   logN,
		values: append([]Scalar(nil), values...),
		coeffs: make([]fr.Element, 1<<logN),
	}
	for i := range p.values {
		if p.coeffs[i], err = p.values[i].element(); err != nil {
			return nil, fmt.Errorf("value %d: %w", i, err)
		}
	}
	interpolate(logN, p.coeffs)
	return p, nil
}

// Size returns the number of values.
func (p *Polynomial) Size() int { return len(p.values) }

// Value returns the value at position i, or [ErrIndex].
func (p *Polynomial) Value(i int) (Scalar, error) {
	if err := checkIndex(i, len(p.values)); err != nil {
		return Scalar{}, err
	}
	return p.values[i], nil
}

// Commit returns the commitment to the values. It computes it anew on every call.
func (p *Polynomial) Commit() (Commitment, error) {
	if _, err := checkSize(len(p.values)); err != nil { // the zero Polynomial
		return Commitment{}, err
	}
	b, err := p.setup.commit(p.coeffs)
	return Commitment(b), err
}

// Open proves the value at position i.
func (p *Polynomial) Open(i int) (Proof, error) {
	if err := checkIndex(i, len(p.values)); err != nil {
		return Proof{}, err
	}
	b, err := p.setup.commit(quotient(p.coeffs, node(p.logN, i)))
	return Proof(b), err
}

// quotient returns the coefficients of (p(X) − p(z)) / (X − z), by Horner's rule. They don't depend on p(z).
func quotient(p []fr.Element, z fr.Element) []fr.Element {
	q := make([]fr.Element, len(p)-1)
	q[len(q)-1] = p[len(p)-1]
	for i := len(q) - 2; i >= 0; i-- {
		q[i].Mul(&q[i+1], &z).Add(&q[i], &p[i+1])
	}
	return q
}

// commit returns [q(τ)]₁ for the polynomial with these coefficients.
func (s *setup) commit(coeffs []fr.Element) ([bls12381.SizeOfG1AffineCompressed]byte, error) {
	var c bls12381.G1Affine
	if _, err := c.MultiExp(s.powers[:len(coeffs)], coeffs, ecc.MultiExpConfig{}); err != nil {
		return [bls12381.SizeOfG1AffineCompressed]byte{}, fmt.Errorf("couldn't evaluate at the setup's secret: %w", err)
	}
	return c.Bytes(), nil
}
