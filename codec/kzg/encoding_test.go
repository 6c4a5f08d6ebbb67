package kzg

import (
	"bytes"
	"errors"
	"math/big"
	"testing"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
)

// notInSubgroup returns the encoding of a point of the curve of another order.
func notInSubgroup(t testing.TB) [48]byte {
	t.Helper()
	var x fp.Element
	for i := uint64(1); ; i++ {
		jac := bls12381.GeneratePointNotInG1(*x.SetUint64(i))
		var p bls12381.G1Affine
		p.FromJacobian(&jac)
		if p.IsOnCurve() && !p.IsInSubGroup() {
			return p.Bytes()
		}
	}
}

// badPoint is 48 bytes, or more or fewer, that encode no element of G1, and why.
type badPoint struct {
	b    []byte
	want error
}

func badPoints(t testing.TB) map[string]badPoint {
	t.Helper()
	_, _, generator, _ := bls12381.Generators()
	good := generator.Bytes()
	change := func(at int, to byte) []byte {
		b := bytes.Clone(good[:])
		b[at] = to
		return b
	}
	uncompressed := generator.RawBytes()
	outside := notInSubgroup(t)

	// The x of a point, not reduced: x + p leaves the three flags alone when x is small.
	small := smallestX(t)
	unreduced := new(big.Int).Add(new(big.Int).SetBytes(small[1:]), fp.Modulus()).FillBytes(make([]byte, 48))
	unreduced[0] |= small[0]

	notX := make([]byte, 48)
	notX[0] = 0x80
	for {
		notX[47]++
		var p bls12381.G1Affine
		if err := bls12381.NewDecoder(bytes.NewReader(notX), bls12381.NoSubgroupChecks()).Decode(&p); err != nil {
			break
		}
	}
	infinity := func(at int, to byte) []byte {
		b := make([]byte, 48)
		b[0] = 0xc0
		b[at] = to
		return b
	}
	return map[string]badPoint{
		"nothing":                       {nil, ErrNotCanonical},
		"short":                         {good[:47], ErrNotCanonical},
		"long":                          {append(bytes.Clone(good[:]), 0), ErrNotCanonical},
		"uncompressed":                  {uncompressed[:], ErrNotCanonical},
		"compressed flag missing":       {change(0, good[0]&^0x80), ErrNotCanonical},
		"infinity flag on a point":      {change(0, good[0]|0x40), ErrNotCanonical},
		"all zero":                      {make([]byte, 48), ErrNotCanonical},
		"infinity with sign":            {infinity(0, 0xe0), ErrNotCanonical},
		"infinity not compressed":       {infinity(0, 0x40), ErrNotCanonical},
		"infinity with x":               {infinity(47, 1), ErrNotCanonical},
		"infinity with top bits of x":   {infinity(0, 0xc1), ErrNotCanonical},
		"x is p":                        {withFlags(fp.Modulus()), ErrNotCanonical},
		"x of a good point, plus p":     {unreduced, ErrNotCanonical},
		"x all ones":                    {bytes.Repeat([]byte{0xff}, 48), ErrNotCanonical},
		"x all ones, sane flags":        {append([]byte{0x9f}, bytes.Repeat([]byte{0xff}, 47)...), ErrNotCanonical},
		"no such point":                 {notX, ErrNotOnCurve},
		"point outside the subgroup":    {outside[:], ErrNotInSubgroup},
		"x = 0, a point of order three": {append([]byte{0x80}, make([]byte, 47)...), ErrNotInSubgroup},
	}
}

func withFlags(x *big.Int) []byte {
	b := x.FillBytes(make([]byte, 48))
	b[0] |= 0x80
	return b
}

// smallestX returns the encoding of the point of the curve with the smallest positive x.
func smallestX(t testing.TB) []byte {
	t.Helper()
	b := make([]byte, 48)
	b[0] = 0x80
	for {
		b[47]++
		var p bls12381.G1Affine
		if err := bls12381.NewDecoder(bytes.NewReader(b), bls12381.NoSubgroupChecks()).Decode(&p); err == nil {
			return b
		}
	}
}

// TestParsePoints checks that every bad encoding is refused for its reason, wherever points are read.
func TestParsePoints(t *testing.T) {
	_, _, generator, _ := bls12381.Generators()
	plus := generator.Bytes()
	generator.Neg(&generator)
	minus := generator.Bytes()
	infinity := [48]byte{0: 0xc0}
	for _, good := range [][48]byte{plus, minus, infinity} {
		if c, err := ParseCommitment(good[:]); err != nil || c != good {
			t.Errorf("ParseCommitment(%x) = %v, %v", good, c, err)
		}
		if p, err := ParseProof(good[:]); err != nil || p != good {
			t.Errorf("ParseProof(%x) = %v, %v", good, p, err)
		}
	}

	p, c := mustPolynomial(t, mustSetup(t), testValues("points", 8))
	opening := mustOpen(t, p, c, 3)[0]
	for name, bad := range badPoints(t) {
		t.Run(name, func(t *testing.T) {
			check := func(what string, err error) {
				t.Helper()
				if !errors.Is(err, bad.want) || !errors.Is(err, ErrInvalidPoint) {
					t.Errorf("%s: %v, want %v", what, err, bad.want)
				}
			}
			_, err := ParseCommitment(bad.b)
			check("ParseCommitment", err)
			_, err = ParseProof(bad.b)
			check("ParseProof", err)
			if len(bad.b) != 48 {
				return
			}
			o := opening
			o.Commitment = Commitment(bad.b)
			check("Verify with bad commitment", o.Verify())
			check("BatchVerify with bad commitment", BatchVerify(t.Context(), []Opening{o}))
			o = opening
			o.Proof = Proof(bad.b)
			check("Verify with bad proof", o.Verify())
			check("BatchVerify with bad proof", BatchVerify(t.Context(), []Opening{o}))
		})
	}
}

// TestParseScalar checks the bounds.
func TestParseScalar(t *testing.T) {
	below := new(big.Int).Sub(order, big.NewInt(1)).FillBytes(make([]byte, ScalarSize))
	for _, good := range [][]byte{make([]byte, ScalarSize), below} {
		if s, err := ParseScalar(good); err != nil || !bytes.Equal(s[:], good) {
			t.Errorf("ParseScalar(%x) = %v, %v", good, s, err)
		}
	}
	for _, bad := range [][]byte{
		nil, make([]byte, 31), make([]byte, 33),
		order.FillBytes(make([]byte, ScalarSize)),
		bytes.Repeat([]byte{0xff}, ScalarSize),
	} {
		if _, err := ParseScalar(bad); !errors.Is(err, ErrInvalidScalar) {
			t.Errorf("ParseScalar(%x): %v, want ErrInvalidScalar", bad, err)
		}
	}
}
