package naive

import "sync"

// Element is an element of GF(2^16), written in the Cantor basis: bit i stands
// for cantorBasis[i]. Addition and subtraction are both xor.
type Element uint16

// fieldPolynomial is x^16 + x^5 + x^3 + x^2 + 1.
const fieldPolynomial = 0x1002D

// cantorBasis holds the basis elements as polynomials in x: bit j is x^j.
var cantorBasis = [16]uint16{
	0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012,
	0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8, 0xFB34, 0xFF38, 0x991E,
}

// toPolynomial converts from the Cantor basis to the polynomial basis.
func toPolynomial(a Element) uint16 {
	var p uint16
	for i, b := range cantorBasis {
		if a>>i&1 == 1 {
			p ^= b
		}
	}
	return p
}

// mulPolynomial multiplies two elements in the polynomial basis: a carry-less
// multiplication, then the reduction by the field polynomial.
func mulPolynomial(a, b uint16) uint16 {
	var product uint32
	for i := range 16 {
		if b>>i&1 == 1 {
			product ^= uint32(a) << i
		}
	}
	for i := 31; i >= 16; i-- {
		if product>>i&1 == 1 {
			product ^= fieldPolynomial << (i - 16)
		}
	}
	return uint16(product)
}

// fieldOrder is the order of the multiplicative group.
const fieldOrder = 1<<16 - 1

// fieldTables speed multiplication up; all of them are built from
// toPolynomial and mulPolynomial.
type fieldTables struct {
	fromPolynomial [1 << 16]Element
	exp            [2 * fieldOrder]Element // exp[i] is x^i
	log            [1 << 16]int            // log[0] is not used
}

var tables = sync.OnceValue(func() *fieldTables {
	t := new(fieldTables)
	for a := range 1 << 16 {
		t.fromPolynomial[toPolynomial(Element(a))] = Element(a)
	}
	// x generates the multiplicative group, as the field polynomial is primitive.
	power := uint16(1)
	for i := range fieldOrder {
		a := t.fromPolynomial[power]
		t.exp[i], t.exp[i+fieldOrder] = a, a
		t.log[a] = i
		power = mulPolynomial(power, 2)
	}
	return t
})

// mulSlow multiplies by the definition. Mul is the same from tables.
func mulSlow(a, b Element) Element {
	return tables().fromPolynomial[mulPolynomial(toPolynomial(a), toPolynomial(b))]
}

// Mul returns the product of a and b.
func Mul(a, b Element) Element {
	if a == 0 || b == 0 {
		return 0
	}
	t := tables()
	return t.exp[t.log[a]+t.log[b]]
}

// Inv returns the inverse of a, which must not be zero.
func Inv(a Element) Element {
	if a == 0 {
		panic("naive: inverse of zero")
	}
	t := tables()
	return t.exp[fieldOrder-t.log[a]]
}
