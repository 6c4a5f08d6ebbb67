package kzg

import (
	"bytes"
	"encoding/hex"
	"fmt"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// Sizes in bytes of what this package reads and writes.
const (
	CommitmentSize = bls12381.SizeOfG1AffineCompressed
	ProofSize      = bls12381.SizeOfG1AffineCompressed
	ScalarSize     = fr.Bytes
)

// Commitment is [p(τ)]₁, compressed: the 48-byte form of a G1 point from draft-irtf-cfrg-pairing-friendly-curves,
// appendix C (the one of ZCash and Ethereum). A Commitment that did not come out of [ParseCommitment] or [Commit]
// may hold any bytes; everything that takes one checks it again.
type Commitment [CommitmentSize]byte

// Proof is the proof of one opening, a G1 point in the same form as [Commitment].
type Proof [ProofSize]byte

// Scalar is an integer modulo the order r of G1, big-endian, and below r: every scalar has one form only.
type Scalar [ScalarSize]byte

// String returns the commitment in hex.
func (c Commitment) String() string { return hex.EncodeToString(c[:]) }

// String returns the proof in hex.
func (p Proof) String() string { return hex.EncodeToString(p[:]) }

// String returns the scalar in hex.
func (s Scalar) String() string { return hex.EncodeToString(s[:]) }

// ParseCommitment accepts exactly the bytes that encode an element of G1, infinity included: 48 bytes, flags and
// coordinate canonical, on the curve and in the subgroup of prime order. The error wraps [ErrInvalidPoint] and says
// which of these failed.
func ParseCommitment(b []byte) (Commitment, error) {
	if _, err := parsePoint(b); err != nil {
		return Commitment{}, fmt.Errorf("couldn't parse commitment: %w", err)
	}
	return Commitment(b), nil
}

// ParseProof is [ParseCommitment] for proofs.
func ParseProof(b []byte) (Proof, error) {
	if _, err := parsePoint(b); err != nil {
		return Proof{}, fmt.Errorf("couldn't parse proof: %w", err)
	}
	return Proof(b), nil
}

// ParseScalar accepts 32 bytes that, read big-endian, are below the group order. The error wraps [ErrInvalidScalar].
func ParseScalar(b []byte) (Scalar, error) {
	if len(b) != ScalarSize {
		return Scalar{}, fmt.Errorf("couldn't parse scalar of %d bytes: %w", len(b), ErrInvalidScalar)
	}
	s := Scalar(b)
	if _, err := s.element(); err != nil {
		return Scalar{}, fmt.Errorf("couldn't parse scalar: %w", err)
	}
	return s, nil
}

func (c *Commitment) point() (bls12381.G1Affine, error) {
	p, err := parsePoint(c[:])
	if err != nil {
		return p, fmt.Errorf("commitment: %w", err)
	}
	return p, nil
}

func (p *Proof) point() (bls12381.G1Affine, error) {
	pt, err := parsePoint(p[:])
	if err != nil {
		return pt, fmt.Errorf("proof: %w", err)
	}
	return pt, nil
}

func (s *Scalar) element() (fr.Element, error) {
	e, err := fr.BigEndian.Element((*[fr.Bytes]byte)(s))
	if err != nil {
		return fr.Element{}, ErrInvalidScalar
	}
	return e, nil
}

// parsePoint decodes a compressed point with all of gnark's checks. gnark's own errors have no types, so a refusal is
// looked at again to name its kind.
func parsePoint(b []byte) (bls12381.G1Affine, error) {
	var p bls12381.G1Affine
	// SetBytes would also take an uncompressed point in front of any longer slice.
	if len(b) != bls12381.SizeOfG1AffineCompressed {
		return p, ErrNotCanonical
	}
	if _, err := p.SetBytes(b); err != nil {
		return bls12381.G1Affine{}, classify(b)
	}
	return p, nil
}

// classify says why SetBytes refused these 48 bytes.
func classify(b []byte) error {
	const compressed, infinity, flags = 0x80, 0x40, 0xe0
	if b[0]&compressed == 0 || b[0]&infinity != 0 {
		return ErrNotCanonical // the only good infinity was accepted before
	}
	var x fp.Element
	xb := [fp.Bytes]byte(b)
	xb[0] &^= flags
	if err := x.SetBytesCanonical(xb[:]); err != nil {
		return ErrNotCanonical
	}
	var p bls12381.G1Affine
	if err := bls12381.NewDecoder(bytes.NewReader(b), bls12381.NoSubgroupChecks()).Decode(&p); err != nil {
		return ErrNotOnCurve
	}
	return ErrNotInSubgroup
}
