package codec

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/selvage-network/selvage/codec/rs"
)

// crew is a bounded number of workers, one a core.
type crew []*worker

// newCrew takes workers from the coder's pool. Whoever calls it calls release when no worker is in use any more.
func newCrew(c *coder, size int) crew {
	w := make(crew, size)
	for i := range w {
		w[i] = c.take()
	}
	return w
}

func (w crew) release() {
	for _, one := range w {
		one.release()
	}
}

// take returns a worker from the pool, to be released once when it is not in use any more.
func (c *coder) take() *worker {
	if w, ok := c.workers.Get().(*worker); ok {
		return w
	}
	return newWorker(c)
}

func (w *worker) release() {
	clear(w.vectors) // they may point into a caller's memory
	w.c.workers.Put(w)
}

// each runs task(0) … task(n−1), each on some worker, and waits for all of them: see [spread].
func (w crew) each(ctx context.Context, n int, task func(ctx context.Context, w *worker, i int) error) error {
	return spread(ctx, len(w), n, func(ctx context.Context, lane, i int) error { return task(ctx, w[lane], i) })
}

// spread runs task(0) … task(n−1) on at most the given number of lanes at a time and waits for all of them. After
// an error, or when ctx ends, no further task is begun and the context of those that run is cancelled; the first
// error is returned.
func spread(ctx context.Context, lanes, n int, task func(ctx context.Context, lane, i int) error) error {
	if lanes = min(lanes, n); lanes <= 1 {
		for i := range n {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := task(ctx, 0, i); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wg    sync.WaitGroup
		next  atomic.Int64
		once  sync.Once
		first error
	)
	for lane := range lanes {
		wg.Go(func() {
			for inner.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := task(inner, lane, i); err != nil {
					once.Do(func() { first = err })
					cancel()
				}
			}
		})
	}
	wg.Wait()
	if first != nil {
		return first
	}
	return ctx.Err()
}

// reconstruct computes the symbols want of codewords from their symbols have, on all workers: in[i] is a run of
// symbols of t bytes, symbol have[i] of one codeword after another, and out[i] becomes that of symbol want[i].
func (w crew) reconstruct(ctx context.Context, code *rs.Code, have, want []int, in, out [][]byte, t int) error {
	if len(want) == 0 {
		return nil
	}
	plan, err := code.Plan(have, want)
	if err != nil {
		return err
	}
	return w.apply(ctx, plan, in, out, t)
}

// apply is [crew.reconstruct] with a plan that is at hand.
func (w crew) apply(ctx context.Context, plan *rs.Plan, in, out [][]byte, t int) error {
	p, err := rs.NewPacking(t)
	if err != nil {
		return err
	}
	symbols := len(in[0]) / t
	per := (symbols + len(w) - 1) / len(w)
	return w.each(ctx, (symbols+per-1)/per, func(_ context.Context, w *worker, i int) error {
		from, to := i*per, min((i+1)*per, symbols)
		ins, outs := make([][]byte, len(in)), make([][]byte, len(out))
		if p.Direct() {
			for k := range in {
				ins[k] = in[k][from*t : to*t]
			}
			for k := range out {
				outs[k] = out[k][from*t : to*t]
			}
			return plan.Apply(ins, outs)
		}
		size := p.PackedSize(to - from)
		buf := grow(&w.packed, (len(in)+len(out))*size)
		for k := range in {
			ins[k], buf = buf[:size], buf[size:]
			p.Pack(ins[k], in[k][from*t:], to-from, t)
		}
		for k := range out {
			outs[k], buf = buf[:size], buf[size:]
		}
		if err := plan.Apply(ins, outs); err != nil {
			return err
		}
		for k := range out {
			p.Unpack(out[k][from*t:], outs[k], to-from, t)
		}
		return nil
	})
}

// pipeline sends buffers round three stages that run at the same time: fill → work → drain → fill …, each
// stage taking one buffer at a time, in order. With two buffers, one is worked on while the other is drained
// and filled again. It ends when fill returns false, for a buffer that it has left empty, or with the first
// error of a stage. All stages have returned when it returns.
func pipeline[B any](ctx context.Context, buffers []B, fill func(context.Context, B) (bool, error), work, drain func(context.Context, B) error) error {
	group, ctx := errgroup.WithContext(ctx)
	free := make(chan B, len(buffers))
	filled, worked := make(chan B), make(chan B)
	for _, b := range buffers {
		free <- b
	}
	pass := func(to chan<- B, b B) error {
		select {
		case to <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	group.Go(func() error {
		defer close(filled)
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case b := <-free:
				more, err := fill(ctx, b)
				if err != nil || !more {
					return err
				}
				if err := pass(filled, b); err != nil {
					return err
				}
			}
		}
	})
	group.Go(func() error {
		defer close(worked)
		for b := range filled {
			if err := work(ctx, b); err != nil {
				return err
			}
			if err := pass(worked, b); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for b := range worked {
			if err := drain(ctx, b); err != nil {
				return err
			}
			free <- b // never blocks: there is room for all buffers
		}
		return nil
	})
	return group.Wait()
}
