package kzg

import (
	"errors"
	"fmt"
	"strings"
)

// The errors of this package wrap one of these, with what was looked at and what to do about it around it.
// Ask with [errors.Is].
var (
	// ErrSize marks a vector that is shorter than [MinSize] or longer than [MaxSize].
	ErrSize = fmt.Errorf("kzg: a vector holds %d to %d values", MinSize, MaxSize)
	// ErrIndex marks a position outside the vector.
	ErrIndex = errors.New("kzg: position outside the vector")
	// ErrInvalidScalar marks 32 bytes that, read big-endian, are not below the group order, or not 32 bytes.
	ErrInvalidScalar = errors.New("kzg: scalar is not 32 bytes, big-endian, below the group order")

	// ErrInvalidPoint marks every encoding that is no element of G1. It is matched by the three errors below.
	ErrInvalidPoint = errors.New("kzg: invalid G1 point")
	// ErrNotCanonical marks bytes that are not what the encoder writes for any point: a wrong length, flags that
	// contradict each other, an x coordinate that is not reduced, an infinity that is not all zero.
	ErrNotCanonical = fmt.Errorf("%w: not a canonical 48-byte compressed encoding", ErrInvalidPoint)
	// ErrNotOnCurve marks an x coordinate that no point of the curve has.
	ErrNotOnCurve = fmt.Errorf("%w: not on the curve", ErrInvalidPoint)
	// ErrNotInSubgroup marks a point of the curve outside the subgroup of prime order.
	ErrNotInSubgroup = fmt.Errorf("%w: not in the subgroup of prime order", ErrInvalidPoint)

	// ErrProof marks a well-formed opening whose proof doesn't hold: the vector under the commitment has another
	// value at that position, or the proof belongs to something else.
	ErrProof = errors.New("kzg: proof doesn't hold")
	// ErrSetup marks a trusted setup that is not the one this package was released with.
	ErrSetup = errors.New("kzg: embedded trusted setup is damaged")
)

// BadOpening is one opening that [BatchVerify] refused.
type BadOpening struct {
	// Position is the opening's place in the slice that was checked (not its Index in the vector).
	Position int
	// Err says why; it wraps one of this package's sentinels.
	Err error
}

// BatchError is what [BatchVerify] returns when openings are bad. All openings that are not listed are good.
type BatchError struct {
	// Checked is how many openings the batch had.
	Checked int
	// Bad lists the bad ones by rising position, and is never empty.
	Bad []BadOpening
}

// Error names the first few bad openings.
func (e *BatchError) Error() string {
	const shown = 4
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d openings refused", len(e.Bad), e.Checked)
	for i, bad := range e.Bad {
		if i == shown {
			fmt.Fprintf(&b, "; and %d more", len(e.Bad)-shown)
			break
		}
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%sopening %d: %v", sep, bad.Position, bad.Err)
	}
	return b.String()
}

// Unwrap lets [errors.Is] find the sentinel of any of the bad openings.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Bad))
	for i, bad := range e.Bad {
		errs[i] = bad.Err
	}
	return errs
}
