package kzg

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr/fft"
	goethkzg "github.com/crate-crypto/go-eth-kzg"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors.json")

// TestRootsOfUnity compares our nodes with the definition and with the domain that gnark interpolates on.
func TestRootsOfUnity(t *testing.T) {
	for logN := range roots() {
		n := 1 << logN
		w := roots()[logN]
		if got, want := w.BigInt(new(big.Int)), referenceNode(n, 1); got.Cmp(want) != 0 {
			t.Errorf("N = %d: root is %v, want 7^((r-1)/N) = %v", n, got, want)
		}
		if g := fft.NewDomain(uint64(n), fft.WithoutPrecompute()).Generator; !w.Equal(&g) {
			t.Errorf("N = %d: gnark's domain uses another root", n)
		}
		for _, i := range []int{0, 1, n / 3, n - 1} {
			z := node(logN, i)
			if got, want := z.BigInt(new(big.Int)), referenceNode(n, i); got.Cmp(want) != 0 {
				t.Errorf("N = %d: node %d is %v, want %v", n, i, got, want)
			}
		}
	}
}

// TestAgainstReference compares commitments and all proofs with the reference's.
func TestAgainstReference(t *testing.T) {
	zero, same := make([]Scalar, 10), make([]Scalar, 16)
	for i := range same {
		same[i] = Scalar{31: 7}
	}
	largest := testValues("largest", 12)
	largest[3] = Scalar(new(big.Int).Sub(order, big.NewInt(1)).FillBytes(make([]byte, ScalarSize)))
	single := make([]Scalar, 8)
	single[7] = Scalar{31: 1}
	for name, values := range map[string][]Scalar{
		"smallest":      testValues("a", MinSize),
		"between":       testValues("b", 11),
		"power of two":  testValues("c", 32),
		"one more":      testValues("d", 17),
		"all zero":      zero,
		"constant":      same,
		"largest value": largest,
		"one value":     single,
	} {
		t.Run(name, func(t *testing.T) {
			p, c := mustPolynomial(t, knownSetup(), values)
			if want := referenceCommit(values); c != want {
				t.Fatalf("commitment %v, want %v", c, want)
			}
			for i := range values {
				o := mustOpen(t, p, c, i)[0]
				if want := referenceOpen(values, i); o.Proof != want {
					t.Fatalf("proof %d is %v, want %v", i, o.Proof, want)
				}
				if o.Value != values[i] {
					t.Fatalf("value %d is %v, want %v", i, o.Value, values[i])
				}
				if err := knownSetup().verify(&o); err != nil {
					t.Fatalf("opening %d: %v", i, err)
				}
			}
		})
	}
}

// TestInfinity pins what the vector of zeros and a constant vector look like: their openings are points at infinity.
func TestInfinity(t *testing.T) {
	infinity := [48]byte{0: 0xc0}
	p, c := mustPolynomial(t, mustSetup(t), make([]Scalar, 20))
	o := mustOpen(t, p, c, 19)[0]
	if c != infinity || o.Proof != infinity {
		t.Errorf("vector of zeros: commitment %v, proof %v", c, o.Proof)
	}
	if err := o.Verify(); err != nil {
		t.Errorf("vector of zeros: %v", err)
	}
	o.Value[31] = 1
	if err := o.Verify(); !errors.Is(err, ErrProof) {
		t.Errorf("a 1 in the vector of zeros: %v", err)
	}
}

// TestAgainstEthereum lets go-eth-kzg, an independent implementation with its own copy of the ceremony, commit to and
// open the same polynomials: it takes them as values on the domain of 4096 nodes in bit-reversed order.
func TestAgainstEthereum(t *testing.T) {
	eth, err := goethkzg.NewContext4096Secure()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{8, 200, 3001} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			values := testValues("ethereum", size)
			p, c := mustPolynomial(t, mustSetup(t), values)

			onDomain := make([]fr.Element, MaxSize)
			copy(onDomain, p.coeffs)
			domain := fft.NewDomain(MaxSize)
			domain.FFT(onDomain, fft.DIF) // leaves them in bit-reversed order
			var blob goethkzg.Blob
			for i := range onDomain {
				b := onDomain[i].Bytes()
				copy(blob[i*ScalarSize:], b[:])
			}
			want, err := eth.BlobToKZGCommitment(&blob, 0)
			if err != nil {
				t.Fatal(err)
			}
			if c != Commitment(want) {
				t.Fatalf("commitment %v, go-eth-kzg has %x", c, want)
			}
			for _, i := range []int{0, size - 1} {
				o := mustOpen(t, p, c, i)[0]
				z := goethkzg.Scalar(referenceNode(size, i).FillBytes(make([]byte, ScalarSize)))
				proof, value, err := eth.ComputeKZGProof(&blob, z, 0)
				if err != nil {
					t.Fatal(err)
				}
				if o.Proof != Proof(proof) || o.Value != Scalar(value) {
					t.Errorf("opening %d: %v of %v, go-eth-kzg has %x of %x", i, o.Proof, o.Value, proof, value)
				}
				if err := o.Verify(); err != nil {
					t.Errorf("opening %d: %v", i, err)
				}
			}
		})
	}
}

// vector is one case of testdata/vectors.json, for other implementations to check themselves against.
type vector struct {
	Seed       string        `json:"seed"`
	Size       int           `json:"size"`
	Commitment string        `json:"commitment"`
	Openings   []vectorProof `json:"openings"`
}

type vectorProof struct {
	Index int    `json:"index"`
	Value string `json:"value"`
	Proof string `json:"proof"`
}

// TestVectors pins commitments and proofs under the ceremony's setup.
func TestVectors(t *testing.T) {
	type file struct {
		About string   `json:"about"`
		Cases []vector `json:"cases"`
	}
	got := file{About: "Commitments and openings under the Ethereum ceremony's setup. " +
		"Value i = SHA-256(seed as ASCII || i as u64 LE) with the two top bits cleared."}
	for _, size := range []int{8, 9, 20, 64, 200, 2000, 4096} {
		seed := fmt.Sprintf("selvage/kzg/vector/%d", size)
		p, c := mustPolynomial(t, mustSetup(t), testValues(seed, size))
		v := vector{Seed: seed, Size: size, Commitment: c.String()}
		for _, o := range mustOpen(t, p, c, 0, size/2, size-1) {
			v.Openings = append(v.Openings, vectorProof{o.Index, o.Value.String(), o.Proof.String()})
		}
		got.Cases = append(got.Cases, v)
	}
	const path = "testdata/vectors.json"
	text, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("%s doesn't hold what this code computes; commitments must never change", path)
	}
}

// TestRefusedVectors feeds vectors and positions that there is no answer for.
func TestRefusedVectors(t *testing.T) {
	for _, size := range []int{0, 1, MinSize - 1, MaxSize + 1, 3 * MaxSize} {
		if _, err := NewPolynomial(make([]Scalar, size)); !errors.Is(err, ErrSize) {
			t.Errorf("NewPolynomial of %d values: %v, want ErrSize", size, err)
		}
		if _, err := Commit(make([]Scalar, size)); !errors.Is(err, ErrSize) {
			t.Errorf("Commit of %d values: %v, want ErrSize", size, err)
		}
	}

	var none Polynomial
	if _, err := none.Commit(); !errors.Is(err, ErrSize) {
		t.Errorf("zero Polynomial: %v, want ErrSize", err)
	}
	if _, err := none.Open(0); !errors.Is(err, ErrIndex) {
		t.Errorf("zero Polynomial: %v, want ErrIndex", err)
	}

	values := testValues("refused", 8)
	values[5] = Scalar(order.FillBytes(make([]byte, ScalarSize)))
	if _, err := Commit(values); !errors.Is(err, ErrInvalidScalar) {
		t.Errorf("value r: %v, want ErrInvalidScalar", err)
	}

	p, err := NewPolynomial(testValues("refused", 9)) // N = 16, so 9 to 15 are nodes and no positions
	if err != nil {
		t.Fatal(err)
	}
	const huge = int(^uint(0) >> 1)
	for _, i := range []int{-1, 9, 15, 16, huge, -huge - 1} {
		if _, err := p.Open(i); !errors.Is(err, ErrIndex) {
			t.Errorf("Open(%d): %v, want ErrIndex", i, err)
		}
		if _, err := p.Value(i); !errors.Is(err, ErrIndex) {
			t.Errorf("Value(%d): %v, want ErrIndex", i, err)
		}
	}
}

// TestPolynomialKeepsItsValues changes the caller's slice afterwards.
func TestPolynomialKeepsItsValues(t *testing.T) {
	values := testValues("mine", 8)
	p, c := mustPolynomial(t, mustSetup(t), values)
	values[2] = Scalar{}
	if err := mustOpen(t, p, c, 2)[0].Verify(); err != nil {
		t.Error(err)
	}
}
