package codec

// stripePlan says which slivers of a stripe are read to get some of its source symbols, and how.
type stripePlan struct {
	// coded says that missing source rows (decode = Primary) or columns (Secondary) are computed from the slivers
	// read; otherwise every wanted symbol is among the stored symbols that are read.
	coded  bool
	decode Axis
	read   []SliverIndex
}

// planStripe chooses the slivers that give the source symbols from ≤ x < to (numbered row by row): the systematic
// primaries that hold them; where some of these are missing, the systematic secondaries that cross them; or, if that
// reads no more, everything that decodes the stripe. Suspects are used only where clean slivers do not suffice. It
// returns false if the slivers that are of use do not suffice.
//
// Primaries and secondaries never add up: with p < rows primaries and s < cols secondaries, a subspace of
// dimension (rows−p)·(cols−s) of the stripes looks the same. So a stripe is decoded along one axis, and slivers
// of the other axis only help where they hold wanted symbols as they are.
func (g Grid) planStripe(from, to int, of func(SliverIndex) standing) (stripePlan, bool) {
	for _, least := range []standing{clean, suspect} {
		if p, ok := g.planFrom(from, to, least, of); ok {
			return p, true
		}
	}
	return stripePlan{}, false
}

// planFrom is [Grid.planStripe] with slivers that have at least the given standing.
func (g Grid) planFrom(from, to int, least standing, of func(SliverIndex) standing) (stripePlan, bool) {
	direct, ok := g.planDirect(from, to, func(s SliverIndex) bool { return of(s) >= least })
	if ok && g.planCost(direct) <= g.rows*g.cols {
		return direct, true
	}
	primary, missingRows, okP := g.planDecode(Primary, least, of)
	secondary, missingCols, okS := g.planDecode(Secondary, least, of)
	switch {
	case okP && (!okS || missingRows*g.cols <= missingCols*g.rows):
		return primary, true
	case okS:
		return secondary, true
	}
	return direct, ok
}

// planCost is the number of symbols that a plan reads.
func (g Grid) planCost(p stripePlan) int {
	cost := 0
	for _, s := range p.read {
		cost += g.Stored(s.Axis)
	}
	return cost
}

// planDirect reads each wanted row where its primary is good, and otherwise the secondaries that hold the
// wanted part of it.
func (g Grid) planDirect(from, to int, good func(SliverIndex) bool) (stripePlan, bool) {
	var p stripePlan
	crossing := make([]bool, g.cols)
	for i := from / g.cols; i*g.cols < to; i++ {
		if s := (SliverIndex{Primary, uint16(i)}); good(s) {
			p.read = append(p.read, s)
			continue
		}
		for j := max(from-i*g.cols, 0); j < min(to-i*g.cols, g.cols); j++ {
			crossing[j] = true
		}
	}
	for j, wanted := range crossing {
		if !wanted {
			continue
		}
		s := SliverIndex{Secondary, uint16(j)}
		if !good(s) {
			return stripePlan{}, false
		}
		p.read = append(p.read, s)
	}
	return p, true
}

// planDecode takes the slivers of an axis that decode a stripe, clean ones before suspects and systematic ones first,
// and says how many source rows or columns are then still missing.
func (g Grid) planDecode(a Axis, least standing, of func(SliverIndex) standing) (p stripePlan, missing int, ok bool) {
	need := g.Needed(a)
	p = stripePlan{coded: true, decode: a, read: make([]SliverIndex, 0, need)}
	missing = need
	for at := clean; at >= least; at-- {
		for i := 0; i < g.n && len(p.read) < need; i++ {
			s := SliverIndex{a, uint16(i)}
			if of(s) != at {
				continue
			}
			p.read = append(p.read, s)
			if i < need {
				missing--
			}
		}
	}
	return p, missing, len(p.read) == need
}
