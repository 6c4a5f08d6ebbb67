package kzg

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/consensys/gnark-crypto/ecc"
	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
	"golang.org/x/sync/errgroup"
)

// BatchVerify checks many openings, of one vector or of many, by two pairings. It returns nil if all of them are
// true (or there are none), and otherwise a [*BatchError] that lists the bad ones. When ctx ends first, it returns an
// error that wraps ctx.Err() and says nothing about the openings.
//
// The openings' equations are added up with weights, 128 bits each, that are a hash of the whole batch: whoever
// changes any bit of the batch gets new weights for all of it, and has one chance in 2^128 per try that bad openings
// cancel out, which is no easier than breaking the curve.
//
// Bad openings are found by halving the batch: k of them among m cost about k·log₂(m/k) further checks of parts of it,
// and when all are bad, about twice of what checking each alone on all cores does.
func BatchVerify(ctx context.Context, openings []Opening) error {
	if len(openings) == 0 {
		return nil
	}
	s, err := ceremony()
	if err != nil {
		return err
	}
	return s.batchVerify(ctx, openings)
}

func (s *setup) batchVerify(ctx context.Context, openings []Opening) error {
	terms, bad, err := parseBatch(ctx, openings)
	if err != nil {
		return fmt.Errorf("couldn't parse %d openings: %w", len(openings), err)
	}
	culprits, err := s.findBad(ctx, terms, nil, false)
	if err != nil {
		return fmt.Errorf("couldn't check %d openings: %w", len(openings), err)
	}
	for _, at := range culprits {
		bad = append(bad, BadOpening{Position: at, Err: openings[at].proofError()})
	}
	if len(bad) == 0 {
		return nil
	}
	slices.SortFunc(bad, func(a, b BadOpening) int { return cmp.Compare(a.Position, b.Position) })
	return &BatchError{Checked: len(openings), Bad: bad}
}

// VerifyAll is [BatchVerify] for who does not care which openings are bad: it costs two pairings whether they hold or
// not, so that a stranger's junk is refused as cheaply as a proof is accepted. The error names the first malformed
// opening, or none.
func VerifyAll(ctx context.Context, openings []Opening) error {
	if len(openings) == 0 {
		return nil
	}
	s, err := ceremony()
	if err != nil {
		return err
	}
	return s.verifyAll(ctx, openings)
}

func (s *setup) verifyAll(ctx context.Context, openings []Opening) error {
	terms, bad, err := parseBatch(ctx, openings)
	if err != nil {
		return fmt.Errorf("couldn't parse %d openings: %w", len(openings), err)
	}
	if len(bad) > 0 {
		return fmt.Errorf("opening %d of %d: %w", bad[0].Position, len(openings), bad[0].Err)
	}
	holds, err := s.sumHolds(terms)
	if err != nil {
		return fmt.Errorf("couldn't check %d openings: %w", len(openings), err)
	}
	if !holds {
		return fmt.Errorf("%w: at least one of %d openings", ErrProof, len(openings))
	}
	return nil
}

// term is the equation of one well-formed opening, e(C − [y]₁ + z·π, [1]₂) = e(π, [τ]₂).
type term struct {
	at         int                // position in the batch
	commitment *bls12381.G1Affine // shared by all terms with the same commitment
	group      int                // equal for, and only for, terms that share it
	proof      bls12381.G1Affine
	y, z       fr.Element
	weight     fr.Element
}

// parseBatch returns the terms of the well-formed openings, those of one commitment next to each other, and what is
// wrong with the others. An error is returned only when ctx ends.
func parseBatch(ctx context.Context, openings []Opening) ([]term, []BadOpening, error) {
	terms := make([]term, len(openings))
	errs := make([]error, len(openings))
	groups := make(map[Commitment]int)
	var firsts []int // for every group, the first opening with its commitment
	for i := range openings {
		t := &terms[i]
		t.at = i
		if t.y, t.z, errs[i] = openings[i].scalars(); errs[i] != nil {
			continue
		}
		g, known := groups[openings[i].Commitment]
		if !known {
			g = len(firsts)
			groups[openings[i].Commitment] = g
			firsts = append(firsts, i)
		}
		t.group = g
	}

	// Decompressing is most of the work for many commitments, so it is spread over the cores: first the commitments,
	// each once, then the proofs.
	commitments := make([]bls12381.G1Affine, len(firsts))
	commitmentErrs := make([]error, len(firsts))
	err := inParallel(ctx, len(firsts)+len(openings), func(j int) {
		if j < len(firsts) {
			commitments[j], commitmentErrs[j] = openings[firsts[j]].Commitment.point()
		} else if i := j - len(firsts); errs[i] == nil {
			terms[i].proof, errs[i] = openings[i].Proof.point()
		}
	})
	if err != nil {
		return nil, nil, err
	}

	var bad []BadOpening
	weight := weights(openings)
	good := terms[:0]
	for i := range terms {
		t := &terms[i]
		if errs[i] == nil {
			errs[i] = commitmentErrs[t.group]
		}
		if errs[i] != nil {
			bad = append(bad, BadOpening{Position: i, Err: errs[i]})
			continue
		}
		t.commitment = &commitments[t.group]
		t.weight = weight(i)
		good = append(good, *t)
	}
	slices.SortStableFunc(good, func(a, b term) int { return cmp.Compare(a.group, b.group) })
	return good, bad, nil
}

// fewTerms is the size of a part of a bad batch from which on its terms are checked one by one, on all cores: the two
// pairings are most of the work then, and they use one core only.
const fewTerms = 8

// findBad appends to found the positions of the terms that don't hold. surelyBad says that their weighted sum is
// already known not to hold.
//
// The halves of a part keep their weights, so their errors add up to that of the part: when the part is bad and its
// left half is good, the right one is bad without another look.
func (s *setup) findBad(ctx context.Context, terms []term, found []int, surelyBad bool) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !surelyBad && len(terms) > 1 {
		holds, err := s.sumHolds(terms)
		if err != nil || holds {
			return found, err
		}
	}
	if len(terms) <= fewTerms {
		return s.findBadAlone(ctx, terms, found)
	}
	before := len(found)
	left, right := terms[:len(terms)/2], terms[len(terms)/2:]
	found, err := s.findBad(ctx, left, found, false)
	if err != nil {
		return nil, err
	}
	return s.findBad(ctx, right, found, len(found) == before)
}

// findBadAlone is findBad without sums.
func (s *setup) findBadAlone(ctx context.Context, terms []term, found []int) ([]int, error) {
	type result struct {
		holds bool
		err   error
	}
	results := make([]result, len(terms))
	err := inParallel(ctx, len(terms), func(i int) {
		t := &terms[i]
		results[i].holds, results[i].err = s.holds(t.commitment, &t.proof, t.y, t.z)
	})
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		if r.err != nil {
			return nil, r.err
		}
		if !r.holds {
			found = append(found, terms[i].at)
		}
	}
	return found, nil
}

// sumHolds checks the weighted sum of the terms' equations:
//
//	e(Σ wᵢ·Cᵢ + Σ wᵢzᵢ·πᵢ − [Σ wᵢyᵢ]₁, [1]₂) = e(Σ wᵢ·πᵢ, [τ]₂)
func (s *setup) sumHolds(terms []term) (bool, error) {
	points := make([]bls12381.G1Affine, 0, 2*len(terms)+1)
	scalars := make([]fr.Element, 0, 3*len(terms)+1)
	var product, minusY fr.Element
	for i := range terms {
		t := &terms[i]
		points = append(points, t.proof)
		scalars = append(scalars, *product.Mul(&t.weight, &t.z))
		minusY.Sub(&minusY, product.Mul(&t.weight, &t.y))
	}
	for i := range terms {
		t := &terms[i]
		if i > 0 && t.group == terms[i-1].group {
			last := &scalars[len(scalars)-1]
			last.Add(last, &t.weight)
			continue
		}
		points = append(points, *t.commitment)
		scalars = append(scalars, t.weight)
	}
	points = append(points, s.powers[0])
	scalars = append(scalars, minusY)
	weights := scalars[len(scalars):]
	for i := range terms {
		weights = append(weights, terms[i].weight)
	}

	var left, right bls12381.G1Affine
	if _, err := left.MultiExp(points, scalars, ecc.MultiExpConfig{}); err != nil {
		return false, fmt.Errorf("couldn't add up commitments: %w", err)
	}
	if _, err := right.MultiExp(points[:len(terms)], weights, ecc.MultiExpConfig{}); err != nil {
		return false, fmt.Errorf("couldn't add up proofs: %w", err)
	}
	return s.pairingsEqual(&left, &right)
}

// inParallel calls do(0) … do(n−1) on all cores and waits for them. When ctx ends it calls no more and returns
// ctx.Err().
func inParallel(ctx context.Context, n int, do func(i int)) error {
	var next atomic.Int64
	var g errgroup.Group
	for range min(n, runtime.GOMAXPROCS(0)) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				do(i)
			}
		})
	}
	return g.Wait()
}
