package codec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Decoder gives back a blob, whole or by range, from any sufficient set of its slivers. It reads systematic
// slivers where it can, checks what it reads, and goes round slivers that turn out missing or corrupt, stripe
// by stripe. It may be used for several reads, also concurrently; what one read finds out about bad slivers the
// others know.
type Decoder struct {
	blob    Blob
	layout  Layout
	coder   *coder
	values  Commitments
	opts    Options
	sources []*source // by position, nil where there is none
}

// source is what a decoder knows of one of its slivers.
type source struct {
	Source
	once  sync.Mutex // held while the roots are read
	mu    sync.Mutex // guards the rest
	roots []Hash
	dead  *SliverError                 // the sliver as a whole is useless
	bad   map[StripeIndex]*SliverError // some stripes of it are
}

// maxBadStripes bounds what is remembered of a single bad sliver; beyond it the sliver is not used any more.
const maxBadStripes = 4096

// NewDecoder returns a decoder of a blob from the given slivers, whose committed values come from metadata or
// from openings. Slivers without a committed value are refused, as are two sources for one sliver.
func NewDecoder(blob Blob, values Commitments, sources []Source, opts Options) (*Decoder, error) {
	l, err := blob.Layout()
	if err != nil {
		return nil, err
	}
	c, err := newCoder(l.Grid)
	if err != nil {
		return nil, err
	}
	d := &Decoder{blob: blob, layout: l, coder: c, values: values, opts: opts, sources: make([]*source, 2*l.n)}
	for _, src := range sources {
		s := src.Sliver()
		if err := l.CheckSliver(s); err != nil {
			return nil, err
		}
		if _, ok := values.Committed(s); !ok {
			return nil, &SliverError{Sliver: s, Stripe: -1, Err: fmt.Errorf("%w: its committed value is not known", ErrProof)}
		}
		p := l.Position(s)
		if d.sources[p] != nil {
			return nil, &SliverError{Sliver: s, Stripe: -1, Err: ErrDuplicate}
		}
		d.sources[p] = &source{Source: src, bad: make(map[StripeIndex]*SliverError)}
	}
	return d, nil
}

// Layout is the blob's layout.
func (d *Decoder) Layout() Layout { return d.layout }

// Bad lists the slivers, and stripes of slivers, that were refused so far, in a fixed order.
func (d *Decoder) Bad() []*SliverError {
	var bad []*SliverError
	for _, src := range d.sources {
		if src == nil {
			continue
		}
		src.mu.Lock()
		if src.dead != nil {
			bad = append(bad, src.dead)
		} else {
			for _, e := range src.bad {
				bad = append(bad, e)
			}
		}
		src.mu.Unlock()
	}
	sortSliverErrors(bad)
	return bad
}

// good reports whether a sliver may be asked for a stripe.
func (d *Decoder) good(s SliverIndex, c StripeIndex) bool {
	src := d.sources[d.layout.Position(s)]
	if src == nil {
		return false
	}
	src.mu.Lock()
	defer src.mu.Unlock()
	return src.dead == nil && src.bad[c] == nil
}

// refuse remembers that a stripe of a sliver, or with stripe −1 the whole sliver, is of no use.
func (src *source) refuse(stripe int, err error) {
	var e *SliverError
	if !errors.As(err, &e) || e.Sliver != src.Sliver() {
		e = &SliverError{Sliver: src.Sliver(), Stripe: stripe, Err: err}
	}
	src.mu.Lock()
	defer src.mu.Unlock()
	switch {
	case src.dead != nil:
	case stripe < 0 || len(src.bad) >= maxBadStripes:
		src.dead = e
	default:
		src.bad[StripeIndex(stripe)] = e
	}
}

// checkedRoots returns the sliver's stripe roots, read and checked once.
func (d *Decoder) checkedRoots(ctx context.Context, src *source) ([]Hash, error) {
	src.once.Lock()
	defer src.once.Unlock()
	src.mu.Lock()
	roots := src.roots
	src.mu.Unlock()
	if roots != nil {
		return roots, nil
	}
	value, _ := d.values.Committed(src.Sliver())
	roots, err := checkedRoots(ctx, d.layout, src.Source, value)
	if err != nil {
		return nil, err
	}
	src.mu.Lock()
	src.roots = roots
	src.mu.Unlock()
	return roots, nil
}

// Decode writes the whole blob to w and checks all of it: every stripe is encoded again and the blob ID is
// compared, so that two readers can never get different bytes of an inconsistently encoded blob. An error
// may come after bytes have been written; nothing that was written may be used before Decode returned nil.
func (d *Decoder) Decode(ctx context.Context, w io.Writer) error {
	r := newReading(d, true)
	if err := r.run(ctx, w, 0, d.layout.size); err != nil {
		return err
	}
	values := make([]Committed, len(r.stacks))
	for i := range values {
		values[i] = r.stacks[i].root().Committed()
	}
	m, err := NewMetadata(d.layout, values)
	if err != nil {
		return err
	}
	if m.ID() != d.blob.ID() {
		return fmt.Errorf("%w: encoded again it is blob %v, not %v", ErrInconsistent, m.ID(), d.blob.ID())
	}
	return nil
}

// DecodeFast writes the whole blob to w and checks each sliver and stripe that it uses against its commitment
// only. Of a blob that a malicious writer encoded inconsistently, two fast readers may get different bytes.
func (d *Decoder) DecodeFast(ctx context.Context, w io.Writer) error {
	return newReading(d, false).run(ctx, w, 0, d.layout.size)
}

// DecodeRange writes length bytes of the blob from offset on to w, reading only the stripes and slivers that
// the range needs. It checks what [Decoder.DecodeFast] checks.
func (d *Decoder) DecodeRange(ctx context.Context, w io.Writer, offset, length uint64) error {
	if offset > d.layout.size || length > d.layout.size-offset {
		return fmt.Errorf("%w: %d bytes from %d on, of a blob of %d", ErrIndex, length, offset, d.layout.size)
	}
	if length == 0 {
		return nil
	}
	return newReading(d, false).run(ctx, w, offset, length)
}

// reading is one pass over a blob or a part of it.
type reading struct {
	*Decoder
	full   bool // encode again and compare
	crew   crew
	stacks []treeStack // full: the sliver trees
}

func newReading(d *Decoder, full bool) *reading {
	r := &reading{Decoder: d, full: full}
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
	slots    [][]byte // where each sliver of the plan is read to
	extra    []byte   // memory of the slots that are no source row
	missing  []byte   // memory of computed columns, and of packed vectors
}

func (r *reading) run(ctx context.Context, w io.Writer, offset, length uint64) error {
	var first, end StripeIndex
	switch {
	case length > 0:
		first, end = r.layout.StripesOf(offset, length)
	case r.full:
		end = StripeIndex(r.layout.Stripes()) // of the empty blob: its one stripe is all padding
	default:
		return nil
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
			all[i] = &job{s: newSourceStripe(g, symbol, r.full)}
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
			n, err := w.Write(j.s.left[j.from:min(j.to, size)])
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
	return spread(ctx, r.opts.reads(), len(jobs), func(_, i int) error { return r.loadStripe(ctx, jobs[i]) })
}

// loadStripe reads what one stripe needs, and plans anew until all of it could be read.
func (r *reading) loadStripe(ctx context.Context, j *job) error {
	for {
		t := j.s.t
		plan, ok := r.layout.planStripe(j.from/t, (j.to+t-1)/t, func(s SliverIndex) bool { return r.good(s, j.c) })
		if !ok {
			return r.notEnough(int(j.c))
		}
		j.plan = plan
		r.place(j)
		read, err := r.readSlots(ctx, j)
		if err != nil || read {
			return err
		}
	}
}

// notEnough describes what is there of a stripe.
func (r *reading) notEnough(stripe int) error {
	e := &NotEnoughError{Stripe: stripe, Grid: r.layout.Grid, Bad: r.Bad()}
	for p := range r.sources {
		if s := r.layout.SliverAt(p); r.good(s, StripeIndex(stripe)) {
			if s.Axis == Primary {
				e.Primaries++
			} else {
				e.Secondaries++
			}
		}
	}
	return e
}

// place gives each sliver of a plan its memory: a source row lies where the blob wants it.
func (r *reading) place(j *job) {
	g, t := r.layout.Grid, j.s.t
	extra := 0
	for _, s := range j.plan.read {
		if !g.isSourceRow(s) {
			extra += g.Stored(s.Axis) * t
		}
	}
	buf := grow(&j.extra, extra)
	j.slots = j.slots[:0]
	for _, s := range j.plan.read {
		if g.isSourceRow(s) {
			j.slots = append(j.slots, j.s.primary(int(s.Index)))
			continue
		}
		size := g.Stored(s.Axis) * t
		j.slots = append(j.slots, buf[:size:size])
		buf = buf[size:]
	}
}

func (g Grid) isSourceRow(s SliverIndex) bool { return s.Axis == Primary && int(s.Index) < g.rows }

// readSlots reads the slivers of a plan, several at a time, and reports whether all could be read. Those that
// could not are remembered as bad. An error is only what ends the reading.
func (r *reading) readSlots(ctx context.Context, j *job) (bool, error) {
	var failed atomic.Bool
	err := spread(ctx, r.opts.reads(), len(j.plan.read), func(_, i int) error {
		src := r.sources[r.layout.Position(j.plan.read[i])]
		stripe := -1
		_, err := r.checkedRoots(ctx, src)
		if err == nil {
			stripe = int(j.c)
			err = src.ReadStripe(ctx, j.c, j.slots[i])
		}
		if err != nil && ctx.Err() == nil {
			src.refuse(stripe, err)
			failed.Store(true)
		}
		return ctx.Err()
	})
	return !failed.Load(), err
}

// compute checks and decodes a batch.
func (r *reading) compute(ctx context.Context, jobs []*job) error {
	g := r.layout.Grid
	if len(jobs) > 1 && g.n*g.n*jobs[0].s.t <= wholeStripe {
		return r.crew.each(ctx, len(jobs), func(w *worker, i int) error {
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

// computeStripe decodes one stripe and checks it. What does not match its root is remembered as bad, and the
// stripe is loaded again without it.
func (r *reading) computeStripe(ctx context.Context, w crew, j *job) error {
	for again := false; ; again = true {
		if again {
			if err := r.loadStripe(ctx, j); err != nil {
				return err
			}
		}
		if !r.full {
			ok, err := r.verifySlots(ctx, w, j)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			return r.assemble(ctx, w, j)
		}
		// Encoding the stripe again computes the roots of all slivers, those that were read among them. Only if
		// one of these differs each is checked on its own.
		if err := r.assemble(ctx, w, j); err != nil {
			return err
		}
		if err := w.encode(ctx, []*stripe{j.s}); err != nil {
			return err
		}
		if r.rootsMatch(j) {
			return nil
		}
		// Assembling wrote only where nothing was read to, so that can still be checked.
		ok, err := r.verifySlots(ctx, w, j)
		if err != nil {
			return err
		}
		if ok {
			return fmt.Errorf("%w: stripe %d: slivers that match their commitments decode to others that do not", ErrInconsistent, j.c)
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

// verifySlots checks each sliver that was read against its stripe root, and reports whether all are good.
func (r *reading) verifySlots(ctx context.Context, w crew, j *job) (bool, error) {
	const per = 4
	n := len(j.slots)
	bad := make([]bool, n)
	err := w.each(ctx, (n+per-1)/per, func(w *worker, i int) error {
		from, end := i*per, min((i+1)*per, n)
		for from < end {
			a := j.plan.read[from].Axis
			to := from + 1
			for to < end && j.plan.read[to].Axis == a {
				to++
			}
			var roots [per]Hash
			if err := w.sliverRoots(a, j.s.t, j.slots[from:to], roots[:to-from]); err != nil {
				return err
			}
			for k := from; k < to; k++ {
				src := r.sources[r.layout.Position(j.plan.read[k])]
				if roots[k-from] != src.roots[j.c] {
					bad[k] = true
					src.refuse(int(j.c), ErrStripe)
				}
			}
			from = to
		}
		return nil
	})
	for _, b := range bad {
		if b {
			return false, err
		}
	}
	return err == nil, err
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
	for k, s := range j.plan.read {
		if s.Axis == Secondary {
			j.s.putColumn(int(s.Index), j.slots[k], read)
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
	return w.reconstruct(ctx, r.coder.col, have, want, j.slots, out, j.s.t)
}

// decodeColumns computes the missing source columns from the secondaries that were read, and puts all columns
// into place.
func (r *reading) decodeColumns(ctx context.Context, w crew, j *job) error {
	g, t := r.layout.Grid, j.s.t
	have, want := r.split(j)
	size := g.rows * t
	buf := grow(&j.missing, len(want)*size)
	out := make([][]byte, len(want))
	for i := range out {
		out[i] = buf[i*size : (i+1)*size]
	}
	if err := w.reconstruct(ctx, r.coder.row, have, want, j.slots, out, t); err != nil {
		return err
	}
	none := make([]bool, g.rows)
	for i, col := range want {
		j.s.putColumn(col, out[i], none)
	}
	for k, col := range have {
		if col < g.cols {
			j.s.putColumn(col, j.slots[k], none)
		}
	}
	return nil
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
