package kzg

import (
	"bytes"
	"errors"
	"math/big"
	"testing"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// checkParsed compares one verdict of the parser with what an encoding is: the bytes that an element of G1 encodes to.
func checkParsed(t *testing.T, b []byte, got [48]byte, err error) {
	t.Helper()
	var p bls12381.G1Affine
	n, decodeErr := p.SetBytes(b)
	encoded := p.Bytes()
	want := decodeErr == nil && n == len(b) && bytes.Equal(encoded[:], b)
	switch {
	case (err == nil) != want:
		t.Fatalf("%x: %v, want accepted = %v", b, err, want)
	case err == nil && !bytes.Equal(got[:], b):
		t.Fatalf("%x parsed as %x", b, got)
	case err != nil && !errors.Is(err, ErrInvalidPoint):
		t.Fatalf("%x: %v doesn't wrap ErrInvalidPoint", b, err)
	}
}

func addPoints(f *testing.F) {
	for _, bad := range badPoints(f) {
		f.Add(bad.b)
	}
}

func FuzzParseCommitment(f *testing.F) {
	addPoints(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCommitment(b)
		checkParsed(t, b, c, err)
	})
}

func FuzzParseProof(f *testing.F) {
	addPoints(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		checkParsed(t, b, p, err)
	})
}

// referenceVerify checks an opening under knownSetup without pairings: C − y·G + z·π = τ·π.
func referenceVerify(o Opening) bool {
	var c, proof, left, right bls12381.G1Affine
	_, cErr := c.SetBytes(o.Commitment[:])
	_, proofErr := proof.SetBytes(o.Proof[:])
	y := new(big.Int).SetBytes(o.Value[:])
	if cErr != nil || proofErr != nil || y.Cmp(order) >= 0 ||
		o.Size < MinSize || o.Size > MaxSize || o.Index < 0 || o.Index >= o.Size {
		return false
	}
	left.ScalarMultiplication(&proof, referenceNode(o.Size, o.Index))
	left.Add(&left, &c)
	var claimed bls12381.G1Affine
	left.Sub(&left, claimed.ScalarMultiplicationBase(y))
	right.ScalarMultiplication(&proof, knownSecret)
	return left.Equal(&right)
}

// FuzzVerify compares Verify and BatchVerify with the reference on single openings.
func FuzzVerify(f *testing.F) {
	for _, o := range mixedBatch(f, knownSetup()) {
		f.Add(o.Commitment[:], o.Size, o.Index, o.Value[:], o.Proof[:])
	}
	f.Fuzz(func(t *testing.T, commitment []byte, size, index int, value, proof []byte) {
		o := Opening{Size: size, Index: index}
		copy(o.Commitment[:], commitment)
		copy(o.Value[:], value)
		copy(o.Proof[:], proof)
		want := referenceVerify(o)
		if err := knownSetup().verify(&o); (err == nil) != want {
			t.Fatalf("Verify: %v, want accepted = %v", err, want)
		}
		if err := knownSetup().batchVerify(t.Context(), []Opening{o}); (err == nil) != want {
			t.Fatalf("BatchVerify: %v, want accepted = %v", err, want)
		}
	})
}

// FuzzBatchVerify spoils a batch, three bytes of input per change: which opening, which byte of it, and the bits to
// flip. BatchVerify must blame the openings that the reference refuses, and no other.
func FuzzBatchVerify(f *testing.F) {
	honest := mixedBatch(f, knownSetup())
	f.Add([]byte{})
	f.Add([]byte{3, 100, 1})
	f.Add([]byte{0, 0, 0x20, 12, 96, 0x20, 9, 50, 9})
	f.Add([]byte{0, 130, 1, 0, 130, 1})
	f.Fuzz(func(t *testing.T, changes []byte) {
		batch := append([]Opening(nil), honest...)
		touched := make([]bool, len(batch))
		for len(changes) >= 3 {
			which, at, flip := int(changes[0])%len(batch), int(changes[1]), changes[2]
			o := &batch[which]
			touched[which] = true
			changes = changes[3:]
			switch {
			case at < 48:
				o.Commitment[at] ^= flip
			case at < 80:
				o.Value[at-48] ^= flip
			case at < 128:
				o.Proof[at-80] ^= flip
			case at < 192:
				o.Index ^= int(int8(flip))
			default:
				o.Size ^= int(int8(flip))
			}
		}
		var want []int
		for i, o := range batch {
			if touched[i] && !referenceVerify(o) {
				want = append(want, i)
			}
		}
		err := knownSetup().batchVerify(t.Context(), batch)
		var batchErr *BatchError
		if len(want) == 0 {
			if err != nil {
				t.Fatalf("true openings refused: %v", err)
			}
			return
		}
		if !errors.As(err, &batchErr) || len(batchErr.Bad) != len(want) {
			t.Fatalf("got %v, want %v refused", err, want)
		}
		for k, bad := range batchErr.Bad {
			if bad.Position != want[k] {
				t.Fatalf("got %v, want %v refused", err, want)
			}
		}
	})
}
