package folder

import (
	"errors"
	"fmt"

	"github.com/selvage-network/selvage/codec"
)

// State is what a check found of a sliver.
type State uint8

// The states of a sliver.
const (
	Good State = iota
	Missing
	Corrupt
	Unreadable // this user may not read it; it may be good
)

var stateNames = [...]string{Good: "good", Missing: "missing", Corrupt: "corrupt", Unreadable: "unreadable"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(b []byte) error {
	for known, name := range stateNames {
		if name == string(b) {
			*s = State(known)
			return nil
		}
	}
	return fmt.Errorf("folder: %q is no state of a sliver", b)
}

// Status is the state of one sliver.
type Status struct {
	Sliver codec.SliverIndex
	State  State
	Err    *codec.SliverError // of a corrupt or unreadable sliver: what is wrong, and in which stripe first
	// BadStripes is in how many stripes a check found the sliver bad; the others can be used. With 0 the sliver is
	// good, or bad as a whole.
	BadStripes int
}

// CheckReport is the state of all 2n slivers, in the order of their positions.
type CheckReport struct {
	Grid    codec.Grid
	Slivers []Status
	Stripes int // of the blob
	// Undecodable is how many stripes have too few good slivers of both axes. A stripe is judged on its own: slivers
	// that are corrupt in other stripes count.
	Undecodable int
}

// Count is the number of slivers of an axis that are in a state.
func (r *CheckReport) Count(a codec.Axis, state State) int {
	count := 0
	for _, s := range r.Slivers {
		if s.Sliver.Axis == a && s.State == state {
			count++
		}
	}
	return count
}

// Bad lists the slivers that are not good.
func (r *CheckReport) Bad() []Status {
	var bad []Status
	for _, s := range r.Slivers {
		if s.State != Good {
			bad = append(bad, s)
		}
	}
	return bad
}

// Sufficient reports whether the slivers that are good as a whole give back the blob, and all other slivers one by
// one.
func (r *CheckReport) Sufficient() bool {
	return r.Count(codec.Primary, Good) >= r.Grid.Rows() || r.Count(codec.Secondary, Good) >= r.Grid.Cols()
}

// Decodable reports whether every stripe can be decoded, maybe each from other slivers, and so the blob and all
// slivers given back.
func (r *CheckReport) Decodable() bool { return r.Undecodable == 0 }

// PreferDecode reports whether decoding the blob once moves fewer bytes than recovering the slivers that are not good
// one by one.
func (r *CheckReport) PreferDecode() bool {
	n := r.Grid.Shards()
	return r.Grid.PreferDecode(n-r.Count(codec.Primary, Good), n-r.Count(codec.Secondary, Good))
}

// NotEnough describes what is there as an error.
func (r *CheckReport) NotEnough() *codec.NotEnoughError {
	e := &codec.NotEnoughError{
		Stripe:      -1,
		Primaries:   r.Count(codec.Primary, Good),
		Secondaries: r.Count(codec.Secondary, Good),
		Grid:        r.Grid,
	}
	for _, s := range r.Slivers {
		if s.Err != nil {
			e.Bad = append(e.Bad, s.Err)
		}
	}
	return e
}

// statusOf classifies the error of reading a sliver.
func statusOf(s codec.SliverIndex, err error) Status {
	status := Status{Sliver: s, State: Corrupt}
	switch {
	case err == nil:
		status.State = Good
		return status
	case isMissing(err):
		status.State = Missing
		return status
	case isUnreadable(err):
		status.State = Unreadable
	}
	if !errors.As(err, &status.Err) {
		status.Err = &codec.SliverError{Sliver: s, Stripe: -1, Err: err}
	}
	return status
}
