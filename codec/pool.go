package codec

import (
	"context"
	"sync"
	"sync/atomic"
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
