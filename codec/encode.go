package codec

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// Sink takes the slivers of a blob while it is encoded.
//
// A sliver travels and is stored as stripe roots ‖ stripes, but its last stripe root is known only when the
// whole blob has been read. A sink that writes files knows the number of stripes from the blob's size, leaves
// a gap of [Layout.RootsSize] bytes in front and fills it in at the end, as package folder does. A sink that writes to
// a network either spools, or the blob is read twice: once with no sink, for the blob ID that has to be paid
// for anyway before any node takes a sliver, keeping the roots that a first sink was given, and once more to
// send the stripes behind them.
type Sink interface {
	// WriteStripe takes stripe c of a sliver and its stripe root. The calls for one sliver come in the order of
	// the stripes and one after another; calls for different slivers may come at the same time. data is only
	// valid during the call. An error ends the encoding and is returned from it.
	WriteStripe(ctx context.Context, s SliverIndex, c StripeIndex, root Hash, data []byte) error
}

// Options tune long work. The zero value is right for most callers.
type Options struct {
	// Workers is how many cores may be busy; 0 means GOMAXPROCS.
	Workers int
	// Reads is how many slivers, or neighbours, are read from at a time; 0 means 16. Files need few, a network with
	// its latency many.
	Reads int
	// Progress, if not nil, is told how many bytes of the blob (of the sliver, in a recovery) are done. It is
	// called from one goroutine at a time.
	Progress func(done uint64)
}

func (o Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (o Options) reads() int {
	if o.Reads > 0 {
		return o.Reads
	}
	return 16
}

func (o Options) progress(done uint64) {
	if o.Progress != nil {
		o.Progress(done)
	}
}

// batchBytes is how many bytes of expanded stripes are encoded between two steps of the pipeline: enough that
// starting the workers costs nothing beside it, little enough to stay far below the memory of one large stripe.
const batchBytes = 16 << 20

// wholeStripe is the size in bytes of an expanded stripe up to which one worker encodes it alone; larger
// stripes are shared by all workers.
const wholeStripe = 2 << 20

// Encode reads a blob to its end, encodes it, and returns its metadata with the commitment: m.ID() is the blob
// ID. size is the number of bytes that r must give, or −1 if that is not known; the wrong number gives an
// [*InputError]. sink takes the slivers; with a nil sink only the metadata is computed, with less memory.
//
// Memory: two expanded stripes where slivers are kept, about 0.5 GB at n = 1000 and 0.1 GB at n = 100, whatever the
// size of the blob; less for blobs shorter than a stripe of known size.
func Encode(ctx context.Context, g Grid, r io.Reader, size int64, sink Sink, opts Options) (*Metadata, error) {
	c, err := newCoder(g)
	if err != nil {
		return nil, err
	}
	e := &encoder{coder: c, in: r, size: size, sink: sink, opts: opts, stacks: make([]treeStack, 2*g.n)}
	return e.run(ctx)
}

type encoder struct {
	*coder
	in   io.Reader
	size int64
	sink Sink
	opts Options

	// Of the reading goroutine.
	read    uint64
	stripes int
	ended   bool

	crew    crew        // of the computing goroutine
	senders [][]byte    // of the delivering goroutine: a gathering buffer for each sender
	stacks  []treeStack // of the delivering goroutine: the sliver trees
}

// batch is a run of stripes that go through the pipeline together.
type batch struct {
	stripes []*stripe
	used    int
	first   StripeIndex
	end     uint64 // bytes of the blob up to the end of this batch
}

func (e *encoder) run(ctx context.Context) (*Metadata, error) {
	symbol, count := e.maxSymbol, MaxStripes
	if e.size >= 0 {
		l, err := e.Layout(uint64(e.size))
		if err != nil {
			return nil, err
		}
		symbol, count = l.SymbolSize(0), l.Stripes()
	}
	perBatch := min(max(1, batchBytes/(e.n*e.n*symbol)), count)
	batches := 2
	if count <= perBatch {
		batches = 1
	}
	e.crew = newCrew(e.coder, e.opts.workers())
	defer e.crew.release()
	e.senders = make([][]byte, e.opts.workers())

	buffers := make([]*batch, batches)
	for k := range buffers {
		buffers[k] = &batch{stripes: make([]*stripe, perBatch)}
		for i := range buffers[k].stripes {
			buffers[k].stripes[i] = newStripe(e.Grid, symbol, e.sink != nil)
		}
	}
	err := pipeline(ctx, buffers, e.fill,
		func(ctx context.Context, b *batch) error { return e.crew.encode(ctx, b.stripes[:b.used]) },
		e.deliver)
	if err != nil {
		return nil, err
	}

	l, err := e.Layout(e.read)
	if err != nil {
		return nil, err
	}
	values := make([]Committed, 2*e.n)
	for i := range values {
		values[i] = e.stacks[i].root().Committed()
	}
	return NewMetadata(l, values)
}

// fill reads the next stripes into a batch, and reports whether there were any.
func (e *encoder) fill(_ context.Context, b *batch) (bool, error) {
	b.used, b.first = 0, StripeIndex(e.stripes)
	for b.used < len(b.stripes) && !e.ended {
		if err := e.readStripe(b); err != nil {
			return false, err
		}
	}
	b.end = e.read
	return b.used > 0, nil
}

// readStripe reads one stripe into the batch, or finds the end of the blob.
func (e *encoder) readStripe(b *batch) error {
	want := e.StripeSize()
	if e.size >= 0 {
		want = int(min(uint64(want), uint64(e.size)-e.read))
	}
	s := b.stripes[b.used]
	buf := s.left
	if want <= len(buf) {
		buf = buf[:want]
	}
	n, err := readUntilEOF(e.in, buf)
	e.read += uint64(n)
	switch {
	case err == nil:
	case err == io.EOF: // only the bare value is the end
		e.ended = true
	default:
		return &InputError{Offset: e.read, Err: err}
	}
	if e.size >= 0 {
		if n < want {
			return &InputError{Offset: e.read, Err: fmt.Errorf("it ends %d bytes early: %w", uint64(e.size)-e.read, io.ErrUnexpectedEOF)}
		}
		if e.read == uint64(e.size) {
			if err := e.expectEnd(); err != nil {
				return err
			}
		}
	}
	if n == 0 && e.stripes > 0 {
		return nil
	}
	s.t = e.maxSymbol
	if n < e.StripeSize() {
		s.t = e.tailSymbol(n)
		clear(s.source(s.t)[n:])
	}
	b.used++
	if e.stripes++; e.stripes > MaxStripes {
		return fmt.Errorf("%w: more than %d stripes", ErrTooLarge, MaxStripes)
	}
	return nil
}

// expectEnd refuses a blob that is longer than announced.
func (e *encoder) expectEnd() error {
	e.ended = true
	var one [1]byte
	switch n, err := readUntilEOF(e.in, one[:]); {
	case n > 0:
		return &InputError{Offset: e.read, Err: fmt.Errorf("it is longer than the %d bytes announced", e.size)}
	case err != io.EOF:
		return &InputError{Offset: e.read, Err: err}
	}
	return nil
}

// readUntilEOF fills buf and returns io.EOF, unwrapped, only where r itself ended with it. io.ReadFull would turn
// the end in the middle of a buffer into io.ErrUnexpectedEOF, which readers also return when they are cut off, as
// the body of a broken HTTP response does: that must never pass for the end of a blob.
func readUntilEOF(r io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf) && err == nil; {
		var k int
		k, err = r.Read(buf[n:])
		n += k
		if idle++; k > 0 {
			idle = 0
		}
		if idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	if n == len(buf) && n > 0 {
		err = nil
	}
	return n, err
}

// encode computes the given stripes on all workers.
func (w crew) encode(ctx context.Context, stripes []*stripe) error {
	g := stripes[0].g
	if g.n*g.n*stripes[0].t <= wholeStripe && len(stripes) > 1 {
		return w.each(ctx, len(stripes), func(_ context.Context, w *worker, i int) error { return w.encode(stripes[i]) })
	}
	for _, s := range stripes {
		rows := rowsPerCall(s.t)
		err := w.each(ctx, (g.rows+rows-1)/rows, func(_ context.Context, w *worker, i int) error {
			return w.extendRows(s, i*rows, min((i+1)*rows, g.rows))
		})
		if err != nil {
			return err
		}
		columns := columnsPerTask(s.t)
		err = w.each(ctx, (g.n+columns-1)/columns, func(_ context.Context, w *worker, i int) error {
			return w.columns(s, i*columns, min((i+1)*columns, g.n))
		})
		if err != nil {
			return err
		}
		const trees = 32
		err = w.each(ctx, (g.n+trees-1)/trees, func(_ context.Context, w *worker, i int) error {
			w.rowTrees(s, i*trees, min((i+1)*trees, g.n))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deliver hands a batch's slivers to the sink and its roots to the sliver trees.
func (e *encoder) deliver(ctx context.Context, b *batch) error {
	for _, s := range b.stripes[:b.used] {
		for i := range e.stacks {
			e.stacks[i].push(s.roots[i])
		}
	}
	if e.sink != nil {
		err := spread(ctx, len(e.senders), 2*e.n, func(ctx context.Context, lane, i int) error {
			return e.send(ctx, b, e.SliverAt(i), &e.senders[lane])
		})
		if err != nil {
			return err
		}
	}
	e.opts.progress(b.end)
	return nil
}

// send hands a batch's stripes of one sliver to the sink.
func (e *encoder) send(ctx context.Context, b *batch, sliver SliverIndex, buf *[]byte) error {
	for k, s := range b.stripes[:b.used] {
		var data []byte
		if sliver.Axis == Primary {
			data = s.primary(int(sliver.Index))
		} else {
			data = grow(buf, e.rows*s.t)
			s.secondary(data, int(sliver.Index))
		}
		c := b.first + StripeIndex(k)
		if err := e.sink.WriteStripe(ctx, sliver, c, s.roots[e.Position(sliver)], data); err != nil {
			return &SliverError{Sliver: sliver, Stripe: int(c), Err: err}
		}
	}
	return nil
}
