package codec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sentinel errors, to be asked for with errors.Is: what is returned wraps them and says what and where.
var (
	// ErrShards: the number of shards is outside MinShards … MaxShards.
	ErrShards = errors.New("codec: number of shards out of range")
	// ErrTooLarge: the blob has more stripes than the format allows.
	ErrTooLarge = errors.New("codec: blob too large")
	// ErrSyntax: a text that is not the name that it should be.
	ErrSyntax = errors.New("codec: malformed name")
	// ErrIndex: a sliver, symbol, stripe or byte range that the blob does not have.
	ErrIndex = errors.New("codec: index out of range")
	// ErrInput: the reader of a blob failed, or gave more or fewer bytes than announced.
	ErrInput = errors.New("codec: cannot read the blob")
	// ErrLength: a sliver, metadata or proof is shorter or longer than the blob's size says.
	ErrLength = errors.New("codec: wrong length")
	// ErrMetadata: metadata that is malformed or does not belong to the blob.
	ErrMetadata = errors.New("codec: bad metadata")
	// ErrRoots: stripe roots that do not hash to the sliver's committed value: a damaged or foreign sliver.
	ErrRoots = errors.New("codec: stripe roots do not match the commitment")
	// ErrStripe: a stripe of a sliver that does not hash to its stripe root.
	ErrStripe = errors.New("codec: stripe does not match its root")
	// ErrProof: a Merkle path, an opening or a proof that does not hold.
	ErrProof = errors.New("codec: proof does not hold")
	// ErrUnknown: a sliver whose committed value was not given, so that it cannot be checked.
	ErrUnknown = errors.New("codec: nothing to check against")
	// ErrUnavailable: what a source returns that has a sliver and must not give it now, as a node does while a challenge
	// round opens. Another source is used, nobody is blamed, and a later read asks again.
	ErrUnavailable = errors.New("codec: not available now")
	// ErrDuplicate: the same sliver was given twice.
	ErrDuplicate = errors.New("codec: sliver given twice")
	// ErrNotEnough: too few good slivers or symbols.
	ErrNotEnough = errors.New("codec: not enough slivers")
	// ErrInconsistent: the writer committed to slivers that are not the encoding of any blob.
	ErrInconsistent = errors.New("codec: the blob is inconsistently encoded")
	// ErrPadding: the padding of the last stripe is not zero; no honest writer encodes that.
	ErrPadding = errors.New("codec: padding is not zero")
	// ErrConsistent: an inconsistency proof that accuses an honest writer.
	ErrConsistent = errors.New("codec: the accused sliver is consistent")
)

// SliverError says which sliver, and which stripe of it, an error is about.
type SliverError struct {
	Sliver SliverIndex
	Stripe int // −1: the sliver as a whole
	Err    error
}

func (e *SliverError) Error() string {
	if e.Stripe < 0 {
		return fmt.Sprintf("%v: %v", e.Sliver, e.Err)
	}
	return fmt.Sprintf("%v, stripe %d: %v", e.Sliver, e.Stripe, e.Err)
}

func (e *SliverError) Unwrap() error { return e.Err }

// aboutSliver says which sliver and stripe (−1: the whole) an error is about, unless it says so already.
func aboutSliver(s SliverIndex, stripe int, err error) *SliverError {
	if e, ok := err.(*SliverError); ok && e.Sliver == s && e.Stripe == stripe {
		return e
	}
	return &SliverError{Sliver: s, Stripe: stripe, Err: err}
}

// InputError says at which byte of the blob its reader failed. It wraps [ErrInput] and the reader's error.
type InputError struct {
	Offset uint64
	Err    error
}

func (e *InputError) Error() string {
	return fmt.Sprintf("codec: cannot read the blob at byte %d: %v", e.Offset, e.Err)
}

func (e *InputError) Unwrap() []error { return []error{ErrInput, e.Err} }

// NotEnoughError says what is there, what is needed and what was refused. It wraps [ErrNotEnough].
type NotEnoughError struct {
	Target                 *SliverIndex // of a recovery, which needs slivers of the other axis only; nil for decoding
	Stripe                 int          // −1: the blob as a whole
	Primaries, Secondaries int          // not known to be bad
	Grid                   Grid
	Bad                    []*SliverError
}

func (e *NotEnoughError) Error() string {
	var b strings.Builder
	b.WriteString(ErrNotEnough.Error())
	if e.Stripe >= 0 {
		fmt.Fprintf(&b, " for stripe %d", e.Stripe)
	}
	switch {
	case e.Target == nil:
		fmt.Fprintf(&b, ": %d primary (%d decode) and %d secondary (%d decode) are good",
			e.Primaries, e.Grid.rows, e.Secondaries, e.Grid.cols)
	case e.Target.Axis == Primary:
		fmt.Fprintf(&b, " to recover %v: %d secondary ones can be used, %d are needed", e.Target, e.Secondaries, e.Grid.cols)
	default:
		fmt.Fprintf(&b, " to recover %v: %d primary ones can be used, %d are needed", e.Target, e.Primaries, e.Grid.rows)
	}
	const listed = 8
	for i, bad := range e.Bad {
		if i == listed {
			fmt.Fprintf(&b, "; and %d more", len(e.Bad)-listed)
			break
		}
		fmt.Fprintf(&b, "; %v", bad)
	}
	return b.String()
}

func (e *NotEnoughError) Unwrap() error { return ErrNotEnough }

// sortSliverErrors orders errors by sliver, then by stripe, so that messages are the same from run to run.
func sortSliverErrors(errs []*SliverError) {
	slices.SortFunc(errs, func(a, b *SliverError) int {
		if c := a.Sliver.Compare(b.Sliver); c != 0 {
			return c
		}
		return a.Stripe - b.Stripe
	})
}
