package codec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/selvage-network/selvage/codec/rs"
)

// Recovery is what a recovery took.
type Recovery struct {
	Target SliverIndex
	Size   int64 // bytes of the sliver's stripes: what was lost
	// SymbolBytes came from neighbours, OwnBytes from the repairer's own slivers, and ProofBytes are the symbols and
	// paths that finding a liar took. What a source sent before it failed in the middle of a request is not counted.
	SymbolBytes, OwnBytes, ProofBytes int64
	// Bad are the sources that failed or lied, each with its first failure. A liar's error wraps ErrProof or ErrStripe.
	// Sources that were only not available ([ErrUnavailable]) are not among them.
	Bad []*SliverError
}

// InconsistentError is the end of a recovery that proved the writer a liar: symbols that all match their
// commitments decode to a sliver that does not match its own. It wraps [ErrInconsistent].
type InconsistentError struct {
	Target SliverIndex
	// Witnesses are the sources whose symbols were proven and decode the target; see [BuildInconsistency]. There are
	// none if sources failed so often that no set of them gave all stripes.
	Witnesses []SymbolSource
}

func (e *InconsistentError) Error() string {
	return fmt.Sprintf("%v: %v decodes to other bytes than the writer committed to", ErrInconsistent, e.Target)
}

func (e *InconsistentError) Unwrap() error { return ErrInconsistent }

// recoverBytes is how many bytes of a sliver are recovered in one step, so that the fixed cost of a decoder call
// is shared by many stripes of short slivers.
const recoverBytes = 8 << 20

// Recover computes a missing sliver from symbols of slivers of the other axis, never from the blob, and checks
// it against its committed value. It takes symbols from all of own first, the slivers that the repairer itself
// holds, and then from as few neighbours as needed, in their order; one that fails is replaced by the next. Several
// holders of the same sliver may be given; they stand in for each other. Recover waits for each source that it asks:
// time limits and hedged requests are the source's business.
//
// Stripes go to sink as they are computed and are provisional until Recover returns nil: the sliver is checked
// as a whole. When it does not match, symbols are fetched again with their paths, the neighbours that lied are
// reported in Bad, and the sink is given the sliver once more, from stripe 0 on. If nobody lied, the writer
// did: the error is an [*InconsistentError].
//
// Whoever lost a pair recovers the secondary first, from [Grid.Rows] symbols, and then the primary from
// [Grid.Cols] symbols of which the new secondary gives one: with f shards silent there are only n−f−1
// neighbours, one too few for the primary alone. See [RecoverPair].
func Recover(ctx context.Context, l Layout, values Commitments, target SliverIndex, own, neighbours []SymbolSource, sink Sink, opts Options) (*Recovery, error) {
	if err := l.CheckSliver(target); err != nil {
		return nil, err
	}
	value, ok := values.Committed(target)
	if !ok {
		return nil, unknownValue(target)
	}
	c, err := newCoder(l.Grid)
	if err != nil {
		return nil, err
	}
	r := &recovery{
		Recovery: Recovery{Target: target, Size: l.SliverDataSize(target.Axis)},
		layout:   l, values: values, coder: c, sink: sink, opts: opts,
		seed: maphash.MakeSeed(),
	}
	for i, list := range [][]SymbolSource{own, neighbours} {
		for _, s := range list {
			if err := l.checkCrossing(s.Sliver(), target, 0, 0); err != nil {
				return nil, err
			}
			if _, ok := values.Committed(s.Sliver()); !ok {
				return nil, unknownValue(s.Sliver())
			}
			r.sources = append(r.sources, &symbolSource{SymbolSource: s, own: i == 0})
		}
	}
	r.crew = newCrew(c, opts.workers())
	defer r.crew.release()
	if r.stepBuffers, _ = c.steps.Get().(*stepBuffers); r.stepBuffers == nil {
		r.stepBuffers = new(stepBuffers)
	}
	defer c.steps.Put(r.stepBuffers)
	err = r.run(ctx, value)
	for _, s := range r.sources {
		if s.own {
			r.OwnBytes += s.bytes
		} else {
			r.SymbolBytes += s.bytes
		}
		r.ProofBytes += s.proofBytes
	}
	sortSliverErrors(r.Bad)
	return &r.Recovery, err
}

// run recovers without proofs first, and with proofs if the sliver does not match.
func (r *recovery) run(ctx context.Context, value Committed) error {
	root, err := r.pass(ctx, r.gather)
	if err != nil || root.Committed() == value {
		return err
	}
	// Witnesses against the writer must be the same for all stripes. A pass in which they changed is repeated; that
	// cost a source its standing, so passes without a change follow, unless sources fail at random.
	for range len(r.sources) {
		r.mixed = false
		root, err = r.pass(ctx, r.gatherProven)
		if err != nil || root.Committed() == value {
			return err
		}
		if !r.mixed {
			break
		}
	}
	e := &InconsistentError{Target: r.Target}
	if !r.mixed {
		for _, s := range r.chosen {
			e.Witnesses = append(e.Witnesses, s.SymbolSource)
		}
	}
	return e
}

// RecoverPair recovers a lost pair in the order that works with the fewest neighbours: the secondary first, then
// the primary with the new secondary's crossing as one of its symbols. primaries and secondaries are the
// neighbours' slivers, ownPrimaries and ownSecondaries those of the repairer's other pairs. sink gets both
// slivers. reopen is called when the secondary is recovered and returns it as a source of symbols.
func RecoverPair(ctx context.Context, l Layout, values Commitments, pair PairIndex,
	ownPrimaries, ownSecondaries, primaries, secondaries []SymbolSource,
	sink Sink, reopen func(SliverIndex) (SymbolSource, error), opts Options,
) (secondary, primary *Recovery, err error) {
	if int(pair) >= l.n {
		return nil, nil, fmt.Errorf("%w: pair %d with n = %d", ErrIndex, pair, l.n)
	}
	p, s := l.Pair(pair)
	secondary, err = Recover(ctx, l, values, s, ownPrimaries, primaries, sink, opts)
	if err != nil {
		return secondary, nil, err
	}
	crossing, err := reopen(s)
	if err != nil {
		return secondary, nil, fmt.Errorf("codec: read the recovered %v back: %w", s, err)
	}
	own := append([]SymbolSource{crossing}, ownSecondaries...)
	primary, err = Recover(ctx, l, values, p, own, secondaries, sink, opts)
	return secondary, primary, err
}

// symbolSource is a source and what a recovery knows of it.
type symbolSource struct {
	SymbolSource
	own    bool
	liar   bool // it proved something false: not asked any more
	faults int  // how often it failed: the others come first
	outOf  int  // the step in which it failed last, and is not asked again

	bytes, proofBytes int64
	said              []answer     // its first answers, in order
	lie               *SliverError // it took an answer back
	reported          bool         // it is in Bad
}

// answer is a digest of the symbols that a source gave for a step.
type answer struct {
	first  StripeIndex // of the step
	digest uint64
}

type recovery struct {
	Recovery
	layout  Layout
	values  Commitments
	coder   *coder
	sink    Sink
	opts    Options
	crew    crew
	sources []*symbolSource
	seed    maphash.Seed

	// The sources in use, the plan that they make, and the memory of a step.
	step   int            // counts the steps of all passes
	busy   []*SliverError // sources that were not available
	mixed  bool           // sources were replaced after the first step of a pass
	chosen []*symbolSource
	plan   *rs.Plan
	want   []int
	runs   [][]byte // by chosen source: its symbols of the step
	*stepBuffers
}

// stepBuffers is the memory of one step of a recovery.
type stepBuffers struct {
	symbols  []byte // of the sources
	computed []byte // runs of the symbols that no source gave
	sliver   []byte // the step's stripes of the target
	roots    []Hash
}

// pass recovers the whole sliver by steps of several stripes and returns its root.
func (r *recovery) pass(ctx context.Context, gather func(ctx context.Context, first, end StripeIndex) error) (Hash, error) {
	l, axis := r.layout, r.Target.Axis
	stripes := StripeIndex(l.Stripes())
	step := StripeIndex(max(1, recoverBytes/l.SliverStripeSize(axis, 0)))
	var tree treeStack
	for c := StripeIndex(0); c < stripes; {
		end := min(c+step, stripes)
		// A shorter last stripe is a step of its own: symbols of a step have one size.
		if end == stripes && end-c > 1 && l.SymbolSize(end-1) != l.SymbolSize(c) {
			end--
		}
		if err := gather(ctx, c, end); err != nil {
			return Hash{}, err
		}
		if err := r.decode(ctx, c, end); err != nil {
			return Hash{}, err
		}
		size := l.SliverStripeSize(axis, c)
		for i := range int(end - c) {
			tree.push(r.roots[i])
			if err := r.sink.WriteStripe(ctx, r.Target, c+StripeIndex(i), r.roots[i], r.sliver[i*size:(i+1)*size]); err != nil {
				return Hash{}, &SliverError{Sliver: r.Target, Stripe: int(c) + i, Err: err}
			}
		}
		c = end
		r.opts.progress(uint64(min(l.SliverStripeOffset(axis, c), r.Size)))
	}
	return tree.root(), nil
}

// usable reports whether a source can be asked in this step.
func (r *recovery) usable(s *symbolSource) bool { return !s.liar && s.outOf != r.step }

// choose takes the first usable sources, one for each sliver: own ones stand in front, and those that failed before
// behind all others.
func (r *recovery) choose() error {
	need := r.layout.Needed(r.Target.Axis.Other())
	chosen := make([]*symbolSource, 0, need)
	taken := make([]bool, r.layout.n)
	for _, failed := range []bool{false, true} {
		for _, s := range r.sources {
			if i := s.Sliver().Index; r.usable(s) && (s.faults > 0) == failed && !taken[i] && len(chosen) < need {
				taken[i] = true
				chosen = append(chosen, s)
			}
		}
	}
	if len(chosen) < need {
		e := &NotEnoughError{Target: &r.Target, Stripe: -1, Grid: r.layout.Grid, Bad: append(r.busy, r.Bad...)}
		if r.Target.Axis == Primary {
			e.Secondaries = len(chosen)
		} else {
			e.Primaries = len(chosen)
		}
		return e
	}
	return r.use(chosen)
}

// use makes the plan of the chosen sources.
func (r *recovery) use(chosen []*symbolSource) error {
	code := r.coder.along(r.Target.Axis)
	have := make([]int, len(chosen))
	present := make([]bool, code.N())
	for i, s := range chosen {
		have[i] = int(s.Sliver().Index)
		present[have[i]] = true
	}
	r.want = r.want[:0]
	for i := range code.K() {
		if !present[i] {
			r.want = append(r.want, i)
		}
	}
	plan, err := code.Plan(have, r.want)
	if err != nil {
		return err
	}
	r.chosen, r.plan = chosen, plan
	return nil
}

// gather asks the chosen sources for their symbols of some stripes.
func (r *recovery) gather(ctx context.Context, first, end StripeIndex) error {
	return r.collect(ctx, first, end, func(ctx context.Context, s *symbolSource, run []byte) (StripeIndex, error) {
		if err := s.ReadSymbols(ctx, r.Target, first, end, run); err != nil {
			return first, err
		}
		s.bytes += int64(len(run))
		s.said = append(s.said, answer{first, maphash.Bytes(r.seed, run)})
		return end, nil
	})
}

// gatherProven asks for the symbols with their paths, and leaves out who lies.
func (r *recovery) gatherProven(ctx context.Context, first, end StripeIndex) error {
	t := r.layout.SymbolSize(first)
	err := r.collect(ctx, first, end, func(ctx context.Context, s *symbolSource, run []byte) (StripeIndex, error) {
		proofs, c, err := provenSymbols(ctx, r.layout, r.values, s, r.Target, first, end)
		if err != nil {
			return c, err
		}
		for i, p := range proofs {
			copy(run[i*t:], p.Data)
			s.proofBytes += int64(len(p.Data) + len(p.Path)*HashSize)
		}
		i, ok := slices.BinarySearchFunc(s.said, first, func(a answer, c StripeIndex) int { return cmp.Compare(a.first, c) })
		if ok && s.said[i].digest != maphash.Bytes(r.seed, run) {
			s.lie = &SliverError{Sliver: s.Sliver(), Stripe: int(first),
				Err: fmt.Errorf("%w: from this stripe on it first gave other symbols than it can prove", ErrStripe)}
		}
		return end, nil
	})
	if ctx.Err() != nil {
		return err
	}
	// Who proves now what it did not say at first is reported, though what it proves is good.
	for _, s := range r.sources {
		if s.lie != nil && !s.reported {
			s.reported = true
			r.Bad = append(r.Bad, s.lie)
		}
	}
	return err
}

// collect fills the runs of the chosen sources by read, several at a time, and puts others in the place of those
// that fail. read says at which stripe it failed; it may change its source.
func (r *recovery) collect(ctx context.Context, first, end StripeIndex, read func(ctx context.Context, s *symbolSource, run []byte) (StripeIndex, error)) error {
	r.step++
	var have map[*symbolSource][]byte // what earlier rounds gave
	for {
		if r.plan == nil || slices.ContainsFunc(r.chosen, func(s *symbolSource) bool { return !r.usable(s) }) {
			r.mixed = r.mixed || first > 0
			if err := r.choose(); err != nil {
				return err
			}
		}
		r.allocate(r.layout.SymbolRun(first, end))
		errs := make([]error, len(r.chosen))
		stripes := make([]StripeIndex, len(r.chosen))
		err := spread(ctx, r.opts.reads(), len(r.chosen), func(ctx context.Context, _, i int) error {
			s := r.chosen[i]
			if run := have[s]; run != nil {
				copy(r.runs[i], run)
				return nil
			}
			stripes[i], errs[i] = read(ctx, s, r.runs[i])
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		failed := false
		for i, s := range r.chosen {
			if errs[i] != nil {
				failed = true
				r.refuse(s, stripes[i], errs[i])
			}
		}
		if !failed {
			return nil
		}
		have = make(map[*symbolSource][]byte)
		for i, s := range r.chosen {
			if errs[i] == nil {
				have[s] = append([]byte(nil), r.runs[i]...)
			}
		}
	}
}

// refuse leaves a source out of this step, and asks it in others only when the rest does not suffice.
func (r *recovery) refuse(s *symbolSource, c StripeIndex, err error) {
	e := aboutSliver(s.Sliver(), int(c), err)
	s.outOf = r.step
	if errors.Is(err, ErrUnavailable) {
		r.busy = append(r.busy, e)
		return
	}
	s.faults++
	s.liar = s.liar || errors.Is(err, ErrProof)
	if !s.reported {
		s.reported = true
		r.Bad = append(r.Bad, e)
	}
}

// allocate gives each chosen source memory for a run of symbols.
func (r *recovery) allocate(size int) {
	buf := grow(&r.symbols, len(r.chosen)*size)
	r.runs = r.runs[:0]
	for i := range r.chosen {
		r.runs = append(r.runs, buf[i*size:(i+1)*size])
	}
}

// decode computes the target's stripes first ≤ c < end from the gathered symbols, and their roots.
func (r *recovery) decode(ctx context.Context, first, end StripeIndex) error {
	l, code := r.layout, r.coder.along(r.Target.Axis)
	t, count := l.SymbolSize(first), int(end-first)
	stripeSize, run := code.K()*t, count*t
	r.sliver = grow(&r.sliver, count*stripeSize)
	r.roots = grow(&r.roots, count)
	r.computed = grow(&r.computed, len(r.want)*run)
	out := make([][]byte, len(r.want))
	for i := range out {
		out[i] = r.computed[i*run : (i+1)*run]
	}
	if len(out) > 0 {
		// All stripes of a step are computed at once, since the code works on each field element alone.
		if err := r.crew.apply(ctx, r.plan, r.runs, out, t); err != nil {
			return err
		}
	}
	const most = 8
	per := min(most, (count+len(r.crew)-1)/len(r.crew))
	return r.crew.each(ctx, (count+per-1)/per, func(_ context.Context, w *worker, i int) error {
		from, to := i*per, min((i+1)*per, count)
		var data [most][]byte
		for k := from; k < to; k++ {
			stripe := r.sliver[k*stripeSize : (k+1)*stripeSize]
			for i, s := range r.chosen {
				if at := int(s.Sliver().Index); at < code.K() {
					copy(stripe[at*t:][:t], r.runs[i][k*t:])
				}
			}
			for i, at := range r.want {
				copy(stripe[at*t:][:t], out[i][k*t:])
			}
			data[k-from] = stripe
		}
		return w.sliverRoots(r.Target.Axis, t, data[:to-from], r.roots[from:to])
	})
}
