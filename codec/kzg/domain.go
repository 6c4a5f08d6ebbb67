package kzg

import (
	"fmt"
	"math/big"
	"math/bits"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr/fft"
	"github.com/consensys/gnark-crypto/utils"
)

// Bounds on the number of values in a vector: two per shard, for 4 to 2048 shards.
const (
	MinSize = 8
	MaxSize = 4096
)

const (
	maxLog     = 12 // 2^maxLog = MaxSize, and the powers in the setup
	rootOfAll  = 7  // generates the multiplicative group of the scalar field
	numDomains = maxLog + 1
)

// checkSize returns the logarithm of N, the smallest power of two that is no less than size.
func checkSize(size int) (logN int, err error) {
	if size < MinSize || size > MaxSize {
		return 0, fmt.Errorf("vector of %d values: %w", size, ErrSize)
	}
	return bits.Len(uint(size - 1)), nil
}

// checkIndex refuses positions that hold no value, those between size and N among them.
func checkIndex(index, size int) error {
	if index < 0 || index >= size {
		return fmt.Errorf("position %d of %d: %w", index, size, ErrIndex)
	}
	return nil
}

// roots[k] is the primitive 2^k-th root of unity 7^((r−1)/2^k).
var roots = sync.OnceValue(func() *[numDomains]fr.Element {
	var w [numDomains]fr.Element
	exp := new(big.Int).Sub(fr.Modulus(), big.NewInt(1))
	exp.Rsh(exp, maxLog)
	w[maxLog].Exp(fr.NewElement(rootOfAll), exp)
	for k := maxLog; k > 0; k-- {
		w[k-1].Square(&w[k])
	}
	return &w
})

// node is the point ω^index at which the polynomial takes the value at index.
func node(logN, index int) fr.Element {
	w := &roots()[logN]
	z := fr.One()
	for bit := bits.Len(uint(index)) - 1; bit >= 0; bit-- {
		z.Square(&z)
		if index>>bit&1 == 1 {
			z.Mul(&z, w)
		}
	}
	return z
}

// domains holds the twiddle factors of every N that was used. gnark's generator of a domain is the same root as
// roots()'s (a test compares them).
var domains [numDomains]struct {
	once   sync.Once
	domain *fft.Domain
}

// interpolate turns the values of a polynomial at 1, ω, ω², … into its coefficients, in place.
func interpolate(logN int, a []fr.Element) {
	d := &domains[logN]
	d.once.Do(func() { d.domain = fft.NewDomain(1 << logN) })
	d.domain.FFTInverse(a, fft.DIF)
	utils.BitReverse(a)
}
