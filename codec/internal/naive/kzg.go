package naive

import (
	"fmt"
	"math/big"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// scalarOrder is r, the order of the BLS12-381 groups.
var scalarOrder, _ = new(big.Int).SetString(
	"73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001", 16)

// rootOfUnity returns 7^((r-1)/size), for a power of two.
func rootOfUnity(size int) *big.Int {
	e := new(big.Int).Sub(scalarOrder, big.NewInt(1))
	e.Div(e, big.NewInt(int64(size)))
	return e.Exp(big.NewInt(7), e, scalarOrder)
}

// polynomial returns the coefficients, lowest first, of the polynomial of degree
// < N with the given values at 1, w, w², … and 0 at the other N-th roots of
// unity, N being the smallest power of two that is not below the number of
// values. It is the inverse DFT: c_k = 1/N · sum_i v_i · w^(-ik).
func polynomial(values []Hash) []*big.Int {
	size := powerOfTwoAtLeast(len(values))
	inverse := new(big.Int).ModInverse(rootOfUnity(size), scalarOrder)
	powers := make([]*big.Int, size) // of 1/w
	powers[0] = big.NewInt(1)
	for i := 1; i < size; i++ {
		powers[i] = new(big.Int).Mul(powers[i-1], inverse)
		powers[i].Mod(powers[i], scalarOrder)
	}
	vs := make([]*big.Int, len(values))
	for i, v := range values {
		vs[i] = new(big.Int).SetBytes(v[:])
	}
	scale := new(big.Int).ModInverse(big.NewInt(int64(size)), scalarOrder)
	coefficients := make([]*big.Int, size)
	term := new(big.Int)
	for k := range coefficients {
		sum := new(big.Int)
		for i, v := range vs {
			sum.Add(sum, term.Mul(v, powers[i*k%size]))
		}
		sum.Mul(sum, scale)
		coefficients[k] = sum.Mod(sum, scalarOrder)
	}
	return coefficients
}

// Commit returns the commitment to the values d: [p(τ)]₁ compressed, where p is
// their polynomial and powers are [τ^0]₁, [τ^1]₁, ….
func Commit(values []Hash, powers []bls12381.G1Affine) ([48]byte, error) {
	coefficients := polynomial(values)
	if len(coefficients) > len(powers) {
		return [48]byte{}, fmt.Errorf("naive: %d coefficients, %d powers", len(coefficients), len(powers))
	}
	var sum bls12381.G1Affine // the point at infinity
	for i, c := range coefficients {
		var term bls12381.G1Affine
		term.ScalarMultiplication(&powers[i], c)
		sum.Add(&sum, &term)
	}
	return sum.Bytes(), nil
}
