package naive

import (
	"math/rand/v2"
	"testing"

	"github.com/klauspost/reedsolomon"
)

func testRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestMul(t *testing.T) {
	var theirs reedsolomon.LowLevel
	check := func(a, b Element) {
		t.Helper()
		got := Mul(a, b)
		if want := mulSlow(a, b); got != want {
			t.Fatalf("%#04x * %#04x = %#04x, by the definition %#04x", a, b, got, want)
		}
		if want := Element(theirs.GF16Mul(uint16(a), uint16(b))); got != want {
			t.Fatalf("%#04x * %#04x = %#04x, klauspost %#04x", a, b, got, want)
		}
	}
	for i := range 16 {
		for j := range 16 {
			check(1<<i, 1<<j)
		}
	}
	r := testRand()
	for range 100000 {
		check(Element(r.Uint32()), Element(r.Uint32()))
	}
	for a := range 1 << 16 {
		check(Element(a), 0)
		check(0, Element(a))
		check(Element(a), 1)
	}
}

func TestInv(t *testing.T) {
	for a := 1; a < 1<<16; a++ {
		if got := Mul(Element(a), Inv(Element(a))); got != 1 {
			t.Fatalf("%#04x * its inverse = %#04x", a, got)
		}
	}
}

// The tables hold every element once: x is a generator, and the basis is one.
func TestTables(t *testing.T) {
	seen := map[Element]bool{}
	for _, a := range tables().exp[:fieldOrder] {
		seen[a] = true
	}
	if len(seen) != fieldOrder || seen[0] {
		t.Fatalf("%d powers of x", len(seen))
	}
	for a := range 1 << 16 {
		if tables().fromPolynomial[toPolynomial(Element(a))] != Element(a) {
			t.Fatalf("%#04x does not come back", a)
		}
	}
}
