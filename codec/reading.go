package codec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// reading is one pass over a blob or a part of it.
type reading struct {
	*Decoder
	full   bool // encode again and compare
	crew   crew
	stacks []treeStack   // full: the sliver trees
	asking chan struct{} // holds a token for each sliver that is being read from

	mu   sync.Mutex                                   // guards busy
	busy map[SliverIndex]map[StripeIndex]*SliverError // sources that were not available during this reading
}

func newReading(d *Decoder, full bool) *reading {
	r := &reading{Decoder: d, full: full, asking: make(chan struct{}, d.opts.reads()),
		busy: make(map[SliverIndex]map[StripeIndex]*SliverError)}
	if full {
		r.stacks = make([]treeStack, 2*d.layout.n)
	}
	return r
}

// job is one stripe on its way through a reading.
type job struct {
	c        StripeIndex
	from, to int // wanted bytes of the stripe's source
	plan     stripePlan
	s        *stripe
	held     map[SliverIndex]*slot // what was read of this stripe, also in earlier rounds
	spare    [2][][]byte           // by axis: memory for slots that are no source row
	missing  []byte                // memory of computed columns
}

// slot is one sliver's part of a stripe.
type slot struct {
	data     []byte
	verified bool
}

func (r *reading) run(ctx context.Context, w io.Writer, offset, length uint64) error {
	var first, end StripeIndex
	if length > 0 {
		first, end = r.layout.StripesOf(offset, length)
	} else {
		end = StripeIndex(r.layout.Stripes()) // of the empty blob: its one stripe is all padding
	}
	r.crew = newCrew(r.coder, r.opts.workers())
	defer r.crew.release()
	symbol := r.layout.SymbolSize(first)
	g := r.layout.Grid
	per := min(max(1, batchBytes/(g.n*g.n*symbol)), int(end-first))
	batches := 2
	if per == int(end-first) {
		batches = 1
	}
	buffers := make([]*jobs, batches)
	for k := range buffers {
		all := make([]*job, per)
		for i := range all {
			all[i] = &job{s: newSourceStripe(g, symbol, r.full), held: make(map[SliverIndex]*slot)}
		}
		buffers[k] = &jobs{all: all}
	}
	next, written := first, uint64(0)
	fill := func(ctx context.Context, b *jobs) (bool, error) {
		b.used = b.all[:min(per, int(end-next))]
		for _, j := range b.used {
			r.aim(j, next, offset, length)
			next++
		}
		return len(b.used) > 0, r.load(ctx, b.used)
	}
	work := func(ctx context.Context, b *jobs) error { return r.compute(ctx, b.used) }
	drain := func(_ context.Context, b *jobs) error {
		for _, j := range b.used {
			if err := r.finish(j); err != nil {
				return err
			}
			_, size := r.layout.StripeRange(j.c)
			part := j.s.left[j.from:min(j.to, size)]
			n, err := w.Write(part)
			if err == nil && n < len(part) {
				err = io.ErrShortWrite
			}
			if err != nil {
				return fmt.Errorf("codec: write the blob: %w", err)
			}
			written += uint64(n)
			r.opts.progress(written)
		}
		return nil
	}
	return pipeline(ctx, buffers, fill, work, drain)
}

// jobs is a buffer of the pipeline: stripes that are read and computed together.
type jobs struct{ all, used []*job }

// newSourceStripe is a stripe that holds source symbols only, and what encoding them again needs.
func newSourceStripe(g Grid, symbol int, encode bool) *stripe {
	if encode {
		return newStripe(g, symbol, false)
	}
	return &stripe{g: g, left: make([]byte, g.rows*g.cols*symbol)}
}

// aim points a job at its stripe and at the part of it that is wanted.
func (r *reading) aim(j *job, c StripeIndex, offset, length uint64) {
	start, size := r.layout.StripeRange(c)
	for s := range j.held {
		j.drop(s)
	}
	j.c = c
	j.s.t = r.layout.SymbolSize(c)
	j.from, j.to = 0, r.layout.SourceSize(c)
	if offset > start {
		j.from = int(offset - start)
	}
	// Padding is read and checked where the whole stripe is wanted, not for a range that ends before it.
	if end := offset + length; end < start+uint64(size) || j.from > 0 {
		j.to = int(min(end-start, uint64(size)))
	}
}

// load plans and reads the stripes of a batch.
func (r *reading) load(ctx context.Context, jobs []*job) error {
	return spread(ctx, r.opts.reads(), len(jobs), func(ctx context.Context, _, i int) error { return r.loadStripe(ctx, jobs[i]) })
}

// loadStripe reads what one stripe needs, and plans anew until all of it could be read.
func (r *reading) loadStripe(ctx context.Context, j *job) error {
	for {
		t := j.s.t
		plan, ok := r.layout.planStripe(j.from/t, (j.to+t-1)/t, func(s SliverIndex) standing { return r.standing(s, j.c) })
		if !ok {
			return r.notEnough(int(j.c))
		}
		j.plan = plan
		read, err := r.readSlots(ctx, j)
		if err != nil || read {
			return err
		}
	}
}

// standing is that of the decoder, but for sources that were not available: they are left out of the stripes for which
// they said so, and asked for others of this reading only when the rest does not suffice.
func (r *reading) standing(s SliverIndex, c StripeIndex) standing {
	r.mu.Lock()
	now, before := r.busy[s][c] != nil, r.busy[s] != nil
	r.mu.Unlock()
	if now {
		return useless
	}
	of := r.Decoder.standing(s, c)
	if before {
		of = min(of, suspect)
	}
	return of
}

// refuse remembers that a source has failed.
func (r *reading) refuse(src *source, c StripeIndex, whole bool, err error) {
	if !errors.Is(err, ErrUnavailable) {
		src.refuse(c, whole, err)
		return
	}
	s := src.Sliver()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[s] == nil {
		r.busy[s] = make(map[StripeIndex]*SliverError)
	}
	r.busy[s][c] = aboutSliver(s, int(c), err)
}

// unavailable lists the sources that were not available for a stripe.
func (r *reading) unavailable(c StripeIndex) []*SliverError {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*SliverError
	for _, stripes := range r.busy {
		if e := stripes[c]; e != nil {
			all = append(all, e)
		}
	}
	sortSliverErrors(all)
	return all
}

// notEnough describes what is there of a stripe.
func (r *reading) notEnough(stripe int) error {
	e := &NotEnoughError{Stripe: stripe, Grid: r.layout.Grid, Bad: append(r.Bad(), r.unavailable(StripeIndex(stripe))...)}
	for p := range r.sources {
		if s := r.layout.SliverAt(p); r.standing(s, StripeIndex(stripe)) != useless {
			if s.Axis == Primary {
				e.Primaries++
			} else {
				e.Secondaries++
			}
		}
	}
	return e
}

func (g Grid) isSourceRow(s SliverIndex) bool { return s.Axis == Primary && int(s.Index) < g.rows }

// place gives a sliver its memory: a source row lies where the blob wants it.
func (j *job) place(s SliverIndex) *slot {
	g, t := j.s.g, j.s.t
	if g.isSourceRow(s) {
		return &slot{data: j.s.primary(int(s.Index))}
	}
	size := g.Stored(s.Axis) * t
	spare := &j.spare[s.Axis]
	if n := len(*spare); n > 0 {
		data := (*spare)[n-1]
		*spare = (*spare)[:n-1]
		return &slot{data: data[:size]}
	}
	return &slot{data: make([]byte, size)}
}

// drop forgets what was read of a sliver.
func (j *job) drop(s SliverIndex) {
	if !j.s.g.isSourceRow(s) {
		j.spare[s.Axis] = append(j.spare[s.Axis], j.held[s].data)
	}
	delete(j.held, s)
}

// readSlots reads the slivers of a plan that are not held yet, several at a time, and reports whether all could be
// read. Those that could not are remembered as bad. An error is only what ends the reading.
func (r *reading) readSlots(ctx context.Context, j *job) (bool, error) {
	var todo []SliverIndex
	for _, s := range j.plan.read {
		if j.held[s] == nil {
			todo = append(todo, s)
			j.held[s] = j.place(s)
		}
	}
	failed := make([]bool, len(todo))
	err := spread(ctx, r.opts.reads(), len(todo), func(ctx context.Context, _, i int) error {
		select {
		case r.asking <- struct{}{}:
			defer func() { <-r.asking }()
		case <-ctx.Done():
			return ctx.Err()
		}
		src := r.sources[r.layout.Position(todo[i])]
		_, err := r.checkedRoots(ctx, src)
		whole := err != nil
		if err == nil {
			err = src.ReadStripe(ctx, j.c, j.held[todo[i]].data)
		}
		if err != nil && ctx.Err() == nil {
			r.refuse(src, j.c, whole, err)
			failed[i] = true
		}
		return ctx.Err()
	})
	ok := true
	for i, s := range todo {
		if failed[i] {
			ok = false
			j.drop(s)
		}
	}
	return ok, err
}

// compute checks and decodes a batch.
func (r *reading) compute(ctx context.Context, jobs []*job) error {
	g := r.layout.Grid
	if len(jobs) > 1 && g.n*g.n*jobs[0].s.t <= wholeStripe {
		return r.crew.each(ctx, len(jobs), func(ctx context.Context, w *worker, i int) error {
			return r.computeStripe(ctx, crew{w}, jobs[i])
		})
	}
	for _, j := range jobs {
		if err := r.computeStripe(ctx, r.crew, j); err != nil {
			return err
		}
	}
	return nil
}

// computeStripe decodes one stripe and checks it. What does not match its root is remembered as bad and replaced;
// what was found good is kept.
func (r *reading) computeStripe(ctx context.Context, w crew, j *job) error {
	check := !r.full
	for again := false; ; again = true {
		if again {
			if err := r.loadStripe(ctx, j); err != nil {
				return err
			}
		}
		if check {
			if ok, err := r.verifySlots(ctx, w, j); err != nil {
				return err
			} else if !ok {
				continue
			}
		}
		if err := r.assemble(ctx, w, j); err != nil || !r.full {
			return err
		}
		// Encoding the stripe again computes the roots of all slivers, those that were read among them. Only if
		// one of these differs is each checked on its own, before anything is encoded once more.
		if err := w.encode(ctx, []*stripe{j.s}); err != nil {
			return err
		}
		if r.rootsMatch(j) {
			return nil
		}
		if check {
			// Slivers that are good are rows or columns of the grid that they decode to, whoever wrote them.
			return fmt.Errorf("codec: stripe %d: encoding again and checking disagree, the memory of this machine may be faulty", j.c)
		}
		check = true
		if ok, err := r.verifySlots(ctx, w, j); err != nil {
			return err
		} else if ok {
			continue
		}
		j.dropOverwritten()
	}
}

// dropOverwritten forgets source rows that were read before columns were put over them: assembling writes the
// columns of a plan into all rows but those that the same plan read.
func (j *job) dropOverwritten() {
	planned := make(map[SliverIndex]bool)
	for _, s := range j.plan.read {
		planned[s] = true
	}
	for s := range j.held {
		if j.s.g.isSourceRow(s) && !planned[s] {
			j.drop(s)
		}
	}
}

// rootsMatch compares the computed roots of the slivers that were read with those that they brought.
func (r *reading) rootsMatch(j *job) bool {
	for _, s := range j.plan.read {
		p := r.layout.Position(s)
		if j.s.roots[p] != r.sources[p].roots[j.c] {
			return false
		}
	}
	return true
}

// verifySlots checks each sliver of the plan that was not checked before against its stripe root, and reports
// whether all are good.
func (r *reading) verifySlots(ctx context.Context, w crew, j *job) (bool, error) {
	var todo []SliverIndex
	for _, s := range j.plan.read {
		if !j.held[s].verified {
			todo = append(todo, s)
		}
	}
	const per = 4
	n := len(todo)
	bad := make([]bool, n)
	err := w.each(ctx, (n+per-1)/per, func(_ context.Context, w *worker, i int) error {
		from, end := i*per, min((i+1)*per, n)
		for from < end {
			a := todo[from].Axis
			var data [][]byte
			to := from
			for ; to < end && todo[to].Axis == a; to++ {
				data = append(data, j.held[todo[to]].data)
			}
			var roots [per]Hash
			if err := w.sliverRoots(a, j.s.t, data, roots[:to-from]); err != nil {
				return err
			}
			for k := from; k < to; k++ {
				good := roots[k-from] == r.sources[r.layout.Position(todo[k])].roots[j.c]
				j.held[todo[k]].verified, bad[k] = good, !good
			}
			from = to
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	ok := true
	for k, s := range todo {
		if bad[k] {
			ok = false
			r.sources[r.layout.Position(s)].refuse(j.c, false, ErrStripe)
			j.drop(s)
		}
	}
	return ok, nil
}

// assemble puts the wanted source symbols in place.
func (r *reading) assemble(ctx context.Context, w crew, j *job) error {
	if j.plan.coded && j.plan.decode == Primary {
		return r.decodeRows(ctx, w, j)
	}
	if j.plan.coded {
		return r.decodeColumns(ctx, w, j)
	}
	read := make([]bool, r.layout.rows)
	for _, s := range j.plan.read {
		if s.Axis == Primary {
			read[s.Index] = true
		}
	}
	for _, s := range j.plan.read {
		if s.Axis == Secondary {
			j.s.putColumn(int(s.Index), j.held[s].data, read)
		}
	}
	return nil
}

// putColumn scatters a secondary's stored symbols over the source rows, but those to skip.
func (s *stripe) putColumn(j int, data []byte, skip []bool) {
	stride := s.g.cols * s.t
	for i, not := range skip {
		if !not {
			copy(s.left[i*stride+j*s.t:][:s.t], data[i*s.t:])
		}
	}
}

// decodeRows computes the missing source rows from the primaries that were read.
func (r *reading) decodeRows(ctx context.Context, w crew, j *job) error {
	var out [][]byte
	have, want := r.split(j)
	for _, i := range want {
		out = append(out, j.s.primary(i))
	}
	return w.reconstruct(ctx, r.coder.col, have, want, j.planned(), out, j.s.t)
}

// decodeColumns computes the missing source columns from the secondaries that were read, and puts all columns
// into place.
func (r *reading) decodeColumns(ctx context.Context, w crew, j *job) error {
	g, t := r.layout.Grid, j.s.t
	have, want := r.split(j)
	in := j.planned()
	size := g.rows * t
	buf := grow(&j.missing, len(want)*size)
	out := make([][]byte, len(want))
	for i := range out {
		out[i] = buf[i*size : (i+1)*size]
	}
	if err := w.reconstruct(ctx, r.coder.row, have, want, in, out, t); err != nil {
		return err
	}
	none := make([]bool, g.rows)
	for i, col := range want {
		j.s.putColumn(col, out[i], none)
	}
	for k, col := range have {
		if col < g.cols {
			j.s.putColumn(col, in[k], none)
		}
	}
	return nil
}

// planned is what was read of the slivers of the plan, in its order.
func (j *job) planned() [][]byte {
	data := make([][]byte, len(j.plan.read))
	for i, s := range j.plan.read {
		data[i] = j.held[s].data
	}
	return data
}

// split lists the slivers of a decoding plan that were read, and the systematic ones that are missing.
func (r *reading) split(j *job) (have, want []int) {
	need := r.layout.Needed(j.plan.decode)
	present := make([]bool, r.layout.n)
	for _, s := range j.plan.read {
		have = append(have, int(s.Index))
		present[s.Index] = true
	}
	for i := range need {
		if !present[i] {
			want = append(want, i)
		}
	}
	return have, want
}

// finish checks the padding of a stripe and, when the blob is encoded again, takes its roots.
func (r *reading) finish(j *job) error {
	_, size := r.layout.StripeRange(j.c)
	for _, b := range j.s.left[min(size, j.to):j.to] {
		if b != 0 {
			return fmt.Errorf("%w: stripe %d", ErrPadding, j.c)
		}
	}
	for i := range r.stacks {
		r.stacks[i].push(j.s.roots[i])
	}
	return nil
}
