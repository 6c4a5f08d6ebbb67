package kzg

import (
	"fmt"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// pairingLines are the lines of the Miller loop for [1]₂ and [τ]₂, which depend on the setup only.
type pairingLines [2][2][len(bls12381.LoopCounter) - 1]bls12381.LineEvaluationAff

// pairingsEqual tells whether e(a, [1]₂) = e(b, [τ]₂). Both points must be in G1.
func (s *setup) pairingsEqual(a, b *bls12381.G1Affine) (bool, error) {
	// With [1]₂ and [τ]₂ of order r, a pairing is 1 for infinity and for nothing else.
	if a.IsInfinity() || b.IsInfinity() {
		return a.IsInfinity() && b.IsInfinity(), nil
	}
	points := [2]bls12381.G1Affine{0: *a}
	points[1].Neg(b)
	lines := s.lines // a copy: gnark evaluates the lines in place
	equal, err := bls12381.PairingCheckFixedQ(points[:], lines[:])
	if err != nil {
		return false, fmt.Errorf("couldn't compute pairings: %w", err)
	}
	return equal, nil
}
