package kzg

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"sync"
	"testing"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// The reference: the same commitments and proofs by someone who knows the secret, in plain big integers, straight from
// the definition (Lagrange's formula at τ, and one multiplication of the generator).

var order = fr.Modulus()

// knownSecret is the τ of knownSetup.
var knownSecret, _ = new(big.Int).SetString("1f3a5c7e90b2d4f60718293a4b5c6d7e8f9fa0b1c2d3e4f5061728394a5b6c7d", 16)

// knownSetup is a setup whose secret is known, with as many powers as the real one.
var knownSetup = sync.OnceValue(func() *setup {
	var tau fr.Element
	tau.SetBigInt(knownSecret)
	exps := make([]fr.Element, setupPowers)
	exps[0].SetOne()
	for i := 1; i < len(exps); i++ {
		exps[i].Mul(&exps[i-1], &tau)
	}
	_, _, one1, _ := bls12381.Generators()
	var tau2 bls12381.G2Affine
	tau2.ScalarMultiplicationBase(knownSecret)
	return newSetup(bls12381.BatchScalarMultiplicationG1(&one1, exps), tau2)
})

// referenceNode returns 7^((r−1)/N · i).
func referenceNode(size, i int) *big.Int {
	n := 1
	for n < size {
		n *= 2
	}
	e := new(big.Int).Sub(order, big.NewInt(1))
	e.Div(e, big.NewInt(int64(n)))
	e.Mul(e, big.NewInt(int64(i)))
	return e.Exp(big.NewInt(7), e, order)
}

// referenceEvaluate returns p(x) for the p that has the values at the first nodes and 0 at the rest of the N nodes.
func referenceEvaluate(values []Scalar, x *big.Int) *big.Int {
	n := 1
	for n < len(values) {
		n *= 2
	}
	nodes := make([]*big.Int, n)
	for i := range nodes {
		nodes[i] = referenceNode(len(values), i)
	}
	sum := new(big.Int)
	for i := range values {
		above, below := new(big.Int).SetBytes(values[i][:]), big.NewInt(1)
		for j := range nodes {
			if j == i {
				continue
			}
			above.Mul(above, new(big.Int).Sub(x, nodes[j])).Mod(above, order)
			below.Mul(below, new(big.Int).Sub(nodes[i], nodes[j])).Mod(below, order)
		}
		sum.Add(sum, above.Mul(above, below.ModInverse(below, order))).Mod(sum, order)
	}
	return sum
}

func referenceCommit(values []Scalar) Commitment {
	return Commitment(timesGenerator(referenceEvaluate(values, knownSecret)))
}

func referenceOpen(values []Scalar, i int) Proof {
	above := referenceEvaluate(values, knownSecret)
	above.Sub(above, new(big.Int).SetBytes(values[i][:]))
	below := new(big.Int).Sub(knownSecret, referenceNode(len(values), i))
	below.ModInverse(below.Mod(below, order), order)
	above.Mul(above, below).Mod(above, order)
	return Proof(timesGenerator(above))
}

func timesGenerator(k *big.Int) [48]byte {
	var p bls12381.G1Affine
	p.ScalarMultiplicationBase(k)
	return p.Bytes()
}

// testValues returns the values of a vector that other implementations can make too: value i is
// SHA-256(seed ‖ i as u64 LE) with the two top bits cleared.
func testValues(seed string, size int) []Scalar {
	values := make([]Scalar, size)
	for i := range values {
		values[i] = sha256.Sum256(binary.LittleEndian.AppendUint64([]byte(seed), uint64(i)))
		values[i][0] &= 0x3f
	}
	return values
}

func mustSetup(t testing.TB) *setup {
	t.Helper()
	s, err := ceremony()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mustPolynomial prepares a vector under s.
func mustPolynomial(t testing.TB, s *setup, values []Scalar) (*Polynomial, Commitment) {
	t.Helper()
	p, err := s.newPolynomial(values)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

// mustOpen returns the openings of p at the positions.
func mustOpen(t testing.TB, p *Polynomial, c Commitment, positions ...int) []Opening {
	t.Helper()
	openings := make([]Opening, len(positions))
	for k, i := range positions {
		proof, err := p.Open(i)
		if err != nil {
			t.Fatal(err)
		}
		value, err := p.Value(i)
		if err != nil {
			t.Fatal(err)
		}
		openings[k] = Opening{Commitment: c, Size: p.Size(), Index: i, Value: value, Proof: proof}
	}
	return openings
}
