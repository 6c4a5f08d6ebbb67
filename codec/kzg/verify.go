package kzg

import (
	"fmt"
	"math/big"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// Opening is the claim that the vector of Size values under Commitment has Value at Index, with its proof.
//
// The commitment doesn't bind the size: a proof for position i of N is one for position 2i of 2N too, and sizes with the
// same N are not told apart. So the verifier must know the size from elsewhere; in Selvage the blob ID binds it.
type Opening struct {
	Commitment Commitment
	Size       int // values in the vector
	Index      int // 0 ≤ Index < Size
	Value      Scalar
	Proof      Proof
}

// Verify returns nil if the claim is true. All fields may come from strangers as they are.
//
// The error is [ErrProof] for a claim that is well-formed and wrong, and [ErrSize], [ErrIndex], [ErrInvalidScalar] or
// [ErrInvalidPoint] for one that is not well-formed.
func (o Opening) Verify() error {
	s, err := ceremony()
	if err != nil {
		return err
	}
	return s.verify(&o)
}

func (s *setup) verify(o *Opening) error {
	y, z, err := o.scalars()
	if err != nil {
		return err
	}
	commitment, err := o.Commitment.point()
	if err != nil {
		return err
	}
	proof, err := o.Proof.point()
	if err != nil {
		return err
	}

	holds, err := s.holds(&commitment, &proof, y, z)
	if err != nil {
		return err
	}
	if !holds {
		return o.proofError()
	}
	return nil
}

// holds checks e(C − [y]₁ + z·π, [1]₂) = e(π, [τ]₂).
func (s *setup) holds(commitment, proof *bls12381.G1Affine, y, z fr.Element) (bool, error) {
	var jac bls12381.G1Jac
	var minusY, zInt big.Int
	y.Neg(&y)
	jac.JointScalarMultiplicationBase(proof, y.BigInt(&minusY), z.BigInt(&zInt))
	jac.AddMixed(commitment)
	var left bls12381.G1Affine
	left.FromJacobian(&jac)
	return s.pairingsEqual(&left, proof)
}

// scalars checks the fields that are no points and returns the claimed value and the place of the claim.
func (o *Opening) scalars() (y, z fr.Element, err error) {
	logN, err := checkSize(o.Size)
	if err != nil {
		return y, z, err
	}
	if err := checkIndex(o.Index, o.Size); err != nil {
		return y, z, err
	}
	if y, err = o.Value.element(); err != nil {
		return y, z, fmt.Errorf("value: %w", err)
	}
	return y, node(logN, o.Index), nil
}

func (o *Opening) proofError() error {
	return fmt.Errorf("position %d of %d under commitment %v: %w", o.Index, o.Size, o.Commitment, ErrProof)
}
