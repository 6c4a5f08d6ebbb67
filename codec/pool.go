package codec

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// crew is a bounded number of workers, one a core.
type crew []*worker

func newCrew(c *coder, size int) crew {
	w := make(crew, size)
	for i := range w {
		w[i] = newWorker(c)
	}
	return w
}

// each runs task(0) … task(n−1), each on some worker, and waits for all of them. After an error, or when ctx
// ends, no further task is begun; the first error is returned.
func (w crew) each(ctx context.Context, n int, task func(w *worker, i int) error) error {
	if n == 0 {
		return ctx.Err()
	}
	if n == 1 || len(w) == 1 {
		for i := range n {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := task(w[0], i); err != nil {
				return err
			}
		}
		return nil
	}
	var (
		wg    sync.WaitGroup
		next  atomic.Int64
		stop  atomic.Bool
		once  sync.Once
		first error
	)
	for _, one := range w[:min(len(w), n)] {
		wg.Go(func() {
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				err := ctx.Err()
				if err == nil {
					err = task(one, i)
				}
				if err != nil {
					once.Do(func() { first = err })
					stop.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return first
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
