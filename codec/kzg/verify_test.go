package kzg

import (
	"context"
	"errors"
	"math/big"
	"sync"
	"testing"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// tampering are ways to turn one opening into a false claim. other is a true one of another vector.
var tampering = map[string]struct {
	change func(o *Opening, other Opening)
	want   error
}{
	"value":               {func(o *Opening, _ Opening) { o.Value[31] ^= 1 }, ErrProof},
	"value of another":    {func(o *Opening, other Opening) { o.Value = other.Value }, ErrProof},
	"value zero":          {func(o *Opening, _ Opening) { o.Value = Scalar{} }, ErrProof},
	"value not reduced":   {func(o *Opening, _ Opening) { o.Value[0] |= 0x80 }, ErrInvalidScalar},
	"value is the order":  {func(o *Opening, _ Opening) { order.FillBytes(o.Value[:]) }, ErrInvalidScalar},
	"index":               {func(o *Opening, _ Opening) { o.Index++ }, ErrProof},
	"index negative":      {func(o *Opening, _ Opening) { o.Index = -1 }, ErrIndex},
	"index of padding":    {func(o *Opening, _ Opening) { o.Index = o.Size }, ErrIndex},
	"index huge":          {func(o *Opening, _ Opening) { o.Index = int(^uint(0) >> 1) }, ErrIndex},
	"size of another N":   {func(o *Opening, _ Opening) { o.Size *= 2 }, ErrProof},
	"size zero":           {func(o *Opening, _ Opening) { o.Size = 0 }, ErrSize},
	"size negative":       {func(o *Opening, _ Opening) { o.Size = -o.Size }, ErrSize},
	"size too large":      {func(o *Opening, _ Opening) { o.Size = MaxSize + 1 }, ErrSize},
	"size huge":           {func(o *Opening, _ Opening) { o.Size = int(^uint(0) >> 1) }, ErrSize},
	"commitment":          {func(o *Opening, other Opening) { o.Commitment = other.Commitment }, ErrProof},
	"commitment negated":  {func(o *Opening, _ Opening) { o.Commitment[0] ^= 0x20 }, ErrProof},
	"commitment infinity": {func(o *Opening, _ Opening) { o.Commitment = Commitment{0: 0xc0} }, ErrProof},
	"commitment empty":    {func(o *Opening, _ Opening) { o.Commitment = Commitment{} }, ErrNotCanonical},
	"proof":               {func(o *Opening, other Opening) { o.Proof = other.Proof }, ErrProof},
	"proof negated":       {func(o *Opening, _ Opening) { o.Proof[0] ^= 0x20 }, ErrProof},
	"proof infinity":      {func(o *Opening, _ Opening) { o.Proof = Proof{0: 0xc0} }, ErrProof},
	"proof empty":         {func(o *Opening, _ Opening) { o.Proof = Proof{} }, ErrNotCanonical},
	"proof is commitment": {func(o *Opening, _ Opening) { o.Proof = Proof(o.Commitment) }, ErrProof},
	"commitment is proof": {func(o *Opening, _ Opening) { o.Commitment = Commitment(o.Proof) }, ErrProof},
	"swapped": {func(o *Opening, _ Opening) {
		o.Commitment, o.Proof = Commitment(o.Proof), Proof(o.Commitment)
	}, ErrProof},
}

// mixedBatch returns 24 true openings: several of two vectors, one each of others, one of zeros, and one twice.
func mixedBatch(t testing.TB, s *setup) []Opening {
	t.Helper()
	var batch []Opening
	add := func(values []Scalar, positions ...int) {
		p, c := mustPolynomial(t, s, values)
		batch = append(batch, mustOpen(t, p, c, positions...)...)
	}
	add(testValues("mixed a", 20), 0, 1, 2, 3, 10, 19, 18, 7)
	add(testValues("mixed b", 8), 0, 7)
	add(make([]Scalar, 10), 9, 0)
	add(testValues("mixed c", 64), 63)
	add(testValues("mixed b", 8), 1, 2, 3, 4, 5, 6)
	add(testValues("mixed d", 33), 32, 0)
	add(testValues("mixed e", 16), 5, 5)
	batch = append(batch, batch[0])
	return batch
}

// TestTampering checks one false claim of every kind, alone and among true ones.
func TestTampering(t *testing.T) {
	batch := mixedBatch(t, mustSetup(t))
	if err := BatchVerify(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	for name, tamper := range tampering {
		t.Run(name, func(t *testing.T) {
			for _, at := range []int{1, 13, 22} {
				bad := append([]Opening(nil), batch...)
				tamper.change(&bad[at], batch[12])
				if err := bad[at].Verify(); !errors.Is(err, tamper.want) {
					t.Errorf("Verify: %v, want %v", err, tamper.want)
				}
				var batchErr *BatchError
				err := BatchVerify(t.Context(), bad)
				if !errors.As(err, &batchErr) || !errors.Is(err, tamper.want) {
					t.Fatalf("BatchVerify: %v, want %v", err, tamper.want)
				}
				if len(batchErr.Bad) != 1 || batchErr.Bad[0].Position != at || batchErr.Checked != len(bad) {
					t.Errorf("BatchVerify blames %v, want only %d", batchErr, at)
				}
			}
		})
	}
}

// TestSizeIsNotBound pins what the documentation of Opening warns of: the same point of the same polynomial has a
// position in larger vectors too.
func TestSizeIsNotBound(t *testing.T) {
	p, c := mustPolynomial(t, mustSetup(t), testValues("size", 16))
	o := mustOpen(t, p, c, 3)[0]
	for _, size := range []int{15, 16} {
		o.Size = size
		if err := o.Verify(); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
	}
	o.Size, o.Index = 32, 6
	if err := o.Verify(); err != nil {
		t.Errorf("size 32: %v", err)
	}
	o.Index = 3
	if err := o.Verify(); !errors.Is(err, ErrProof) {
		t.Errorf("size 32 and the old position: %v", err)
	}
}

// TestBlame spoils many openings of a batch and expects exactly these to be listed.
func TestBlame(t *testing.T) {
	batch := mixedBatch(t, mustSetup(t))
	for _, bad := range [][]int{{}, {0, 1}, {3, 9, 10, 17}, {22, 23}, {0, 11, 23}, nil} {
		if bad == nil { // all of them
			for i := range batch {
				bad = append(bad, i)
			}
		}
		spoilt := append([]Opening(nil), batch...)
		for k, i := range bad {
			if k%3 == 2 {
				spoilt[i].Proof[47] ^= 1 // most likely no point at all
			} else {
				spoilt[i].Value[31] ^= byte(k + 1)
			}
		}
		err := BatchVerify(t.Context(), spoilt)
		if len(bad) == 0 {
			if err != nil {
				t.Errorf("nothing spoilt: %v", err)
			}
			continue
		}
		var batchErr *BatchError
		if !errors.As(err, &batchErr) || len(batchErr.Bad) != len(bad) {
			t.Fatalf("spoilt %v: %v", bad, err)
		}
		for k, b := range batchErr.Bad {
			if b.Position != bad[k] {
				t.Errorf("spoilt %v: blamed %v", bad, batchErr)
			}
		}
	}
}

// TestBatchErrorText pins what people read.
func TestBatchErrorText(t *testing.T) {
	bad := []BadOpening{{2, ErrSize}, {3, ErrProof}, {5, ErrNotOnCurve}, {8, ErrIndex}, {9, ErrProof}, {10, ErrProof}}
	for want, e := range map[string]BatchError{
		"1 of 4 openings refused: opening 2: kzg: a vector holds 8 to 4096 values": {4, bad[:1]},
		"6 of 64 openings refused: opening 2: kzg: a vector holds 8 to 4096 values; opening 3: kzg: proof doesn't hold; " +
			"opening 5: kzg: invalid G1 point: not on the curve; opening 8: kzg: position outside the vector; and 2 more": {64, bad},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestCancellation crafts pairs of false proofs whose errors cancel out for one choice of weights, as an attacker who
// could foresee the weights would.
func TestCancellation(t *testing.T) {
	s := mustSetup(t)
	p, c := mustPolynomial(t, s, testValues("cancel", 16))
	honest := mustOpen(t, p, c, 3, 5)

	// Replacing proof i by itself plus dᵢ leaves the error (zᵢ − τ)·dᵢ. With d₀ = w₁(z₁ − τ)·G and d₁ = −w₀(z₀ − τ)·G
	// the sum of the errors with weights w₀ and w₁ is nothing.
	craft := func(base []Opening, terms []term) []Opening {
		bad := append([]Opening(nil), base...)
		for i := range bad {
			other := &terms[1-i]
			_, z, err := bad[1-i].scalars()
			if err != nil {
				t.Fatal(err)
			}
			var d bls12381.G1Affine
			z.Mul(&z, &other.weight)
			d.ScalarMultiplication(&s.powers[0], z.BigInt(new(big.Int)))
			var tau bls12381.G1Affine
			tau.ScalarMultiplication(&s.powers[1], other.weight.BigInt(new(big.Int)))
			d.Sub(&d, &tau)
			if i == 1 {
				d.Neg(&d)
			}
			proof, err := bad[i].Proof.point()
			if err != nil {
				t.Fatal(err)
			}
			proof.Add(&proof, &d)
			bad[i].Proof = proof.Bytes()
		}
		return bad
	}
	parse := func(openings []Opening) []term {
		terms, refused, err := parseBatch(t.Context(), openings)
		if err != nil || len(refused) != 0 {
			t.Fatal(refused, err)
		}
		return terms
	}

	weightings := map[string]func(terms []term){
		"all one": func(terms []term) {
			for i := range terms {
				terms[i].weight.SetOne()
			}
		},
		"powers of two":        func(terms []term) { terms[0].weight.SetUint64(1); terms[1].weight.SetUint64(2) },
		"of the honest batch":  func([]term) {},
		"of the honest batch'": func(terms []term) { terms[0].weight, terms[1].weight = terms[1].weight, terms[0].weight },
	}
	for name, set := range weightings {
		t.Run(name, func(t *testing.T) {
			guess := parse(honest)
			set(guess)
			bad := craft(honest, guess)

			// The attack works on a verifier with the weights that were guessed…
			terms := parse(bad)
			for i := range terms {
				terms[i].weight = guess[i].weight
			}
			if holds, err := s.sumHolds(terms); err != nil || !holds {
				t.Fatalf("the crafted proofs don't cancel out: %v, %v", holds, err)
			}
			// …and not on ours.
			var batchErr *BatchError
			if err := BatchVerify(t.Context(), bad); !errors.As(err, &batchErr) || len(batchErr.Bad) != 2 {
				t.Errorf("crafted proofs: %v, want both refused", err)
			}
		})
	}
}

// TestWeights checks that every bit of a batch has its say in every weight.
func TestWeights(t *testing.T) {
	base := make([]Opening, 3)
	for i := range base {
		base[i] = Opening{Size: 20, Index: i}
	}
	changes := map[string]func(b []Opening) []Opening{
		"nothing":          func(b []Opening) []Opening { return b },
		"first commitment": func(b []Opening) []Opening { b[0].Commitment[0]++; return b },
		"last commitment":  func(b []Opening) []Opening { b[2].Commitment[47]++; return b },
		"size":             func(b []Opening) []Opening { b[1].Size++; return b },
		"index":            func(b []Opening) []Opening { b[2].Index++; return b },
		"value":            func(b []Opening) []Opening { b[0].Value[31]++; return b },
		"proof":            func(b []Opening) []Opening { b[2].Proof[47]++; return b },
		"order":            func(b []Opening) []Opening { b[0], b[1] = b[1], b[0]; return b },
		"one fewer":        func(b []Opening) []Opening { return b[:2] },
		"one more":         func(b []Opening) []Opening { return append(b, b[0]) },
	}
	seen := make(map[string]string)
	for name, change := range changes {
		batch := change(append([]Opening(nil), base...))
		weight, again := weights(batch), weights(batch)
		for i := range batch {
			w, a := weight(i), again(i)
			if !w.Equal(&a) {
				t.Errorf("%s: weights differ from one call to the next", name)
			}
			if bits := w.BigInt(new(big.Int)).BitLen(); bits > 8*weightSize || bits < 8*weightSize-64 {
				t.Errorf("%s: weight of %d bits", name, bits)
			}
			if before, ok := seen[w.String()]; ok {
				t.Errorf("%s and %s share a weight", name, before)
			}
			seen[w.String()] = name
		}
	}
}

// TestEmptyBatch has nothing to refuse.
func TestEmptyBatch(t *testing.T) {
	if err := BatchVerify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestCancelledBatch expects the context's error and no blame.
func TestCancelledBatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := BatchVerify(ctx, mixedBatch(t, mustSetup(t)))
	var batchErr *BatchError
	if !errors.Is(err, context.Canceled) || errors.As(err, &batchErr) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestConcurrency uses everything at once, for the race detector.
func TestConcurrency(t *testing.T) {
	p, c := mustPolynomial(t, mustSetup(t), testValues("shared", 20))
	batch := mixedBatch(t, mustSetup(t))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			proof, err := p.Open(g)
			if err != nil {
				t.Error(err)
				return
			}
			value, _ := p.Value(g)
			if err := (Opening{c, p.Size(), g, value, proof}).Verify(); err != nil {
				t.Error(err)
			}
			if again, err := p.Commit(); err != nil || again != c {
				t.Errorf("commitment changed: %v, %v", again, err)
			}
			if _, err := Commit(testValues("own", 8<<(g/2))); err != nil {
				t.Error(err)
			}
			if err := BatchVerify(t.Context(), batch); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
