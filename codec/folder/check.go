package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/selvage-network/selvage/codec"
)

// Check reads every sliver and verifies all of it, on all cores, one sliver on each. opts.Progress is told bytes of
// files. The error is only about the check itself, not about bad slivers.
func (f *Folder) Check(ctx context.Context, opts codec.Options) (*CheckReport, error) {
	stripes := f.layout.Stripes()
	c := &checking{
		Folder:   f,
		report:   &CheckReport{Grid: f.layout.Grid, Stripes: stripes, Slivers: make([]Status, 2*f.layout.Shards())},
		progress: &progress{tell: opts.Progress},
		lost:     [2][]uint16{make([]uint16, stripes), make([]uint16, stripes)},
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers(opts))
	buffers := sync.Pool{New: func() any { return new([]byte) }}
	for p := range c.report.Slivers {
		group.Go(func() error {
			buf := buffers.Get().(*[]byte)
			defer buffers.Put(buf)
			s := f.layout.SliverAt(p)
			bad, err := c.sliver(ctx, s, buf)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, ErrMachine) {
				return err
			}
			c.report.Slivers[p] = statusOf(s, err)
			c.report.Slivers[p].BadStripes = bad
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("folder: check %s: %w", f.dir, err)
	}
	c.report.Undecodable = c.undecodable()
	return c.report, nil
}

// CheckSize is the number of bytes that [Folder.Check] reads when all files that are there are whole.
func (f *Folder) CheckSize() int64 {
	size := int64(0)
	for _, s := range f.Slivers() {
		size += f.layout.SliverSize(s.Axis)
	}
	return size
}

// checking is one call of [Folder.Check].
type checking struct {
	*Folder
	report   *CheckReport
	progress *progress

	mu   sync.Mutex
	lost [2][]uint16 // by axis and stripe: how many slivers, of those that are not wholly bad, are bad in it
}

// checkBytes is about how much of a sliver is read at a time.
const checkBytes = 256 << 10

// sliver verifies one sliver. It returns in how many stripes the sliver is bad, and the error of the first; an error
// without a bad stripe is about the sliver as a whole.
func (c *checking) sliver(ctx context.Context, s codec.SliverIndex, buf *[]byte) (bad int, first error) {
	file, err := c.openSliver(s)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	l := c.layout
	value, _ := c.meta.Committed(s)
	v, err := codec.NewSliverVerifier(l, s, value)
	if err != nil {
		return 0, err
	}
	roots := make([]codec.Hash, l.Stripes())
	n, err := file.ReadAt(codec.HashBytes(roots), 0)
	c.progress.add(uint64(n))
	if err = whole(n, int(l.RootsSize()), err); err == nil {
		err = v.Roots(roots)
	}
	if err != nil {
		return 0, err
	}
	step := codec.StripeIndex(max(1, checkBytes/l.SliverStripeSize(s.Axis, 0)))
	for from, end := codec.StripeIndex(0), codec.StripeIndex(0); from < codec.StripeIndex(len(roots)); from = end {
		if err := ctx.Err(); err != nil {
			return bad, err
		}
		end = min(from+step, codec.StripeIndex(len(roots)))
		begin := l.SliverStripeOffset(s.Axis, from)
		size := int(l.SliverStripeOffset(s.Axis, end-1)-begin) + l.SliverStripeSize(s.Axis, end-1)
		if len(*buf) < size {
			*buf = make([]byte, size)
		}
		n, err := file.ReadAt((*buf)[:size], l.RootsSize()+begin)
		if err = whole(n, size, err); err != nil && step > 1 {
			step, end = 1, from // to find out which ones can't be read
			continue
		}
		if errors.Is(err, ErrMachine) {
			return bad, err
		}
		c.progress.add(uint64(n))
		for i := from; i < end; i++ {
			at := int(l.SliverStripeOffset(s.Axis, i) - begin)
			one := err
			if one == nil {
				one = v.Stripe(i, (*buf)[at:at+l.SliverStripeSize(s.Axis, i)])
			}
			if one == nil {
				continue
			}
			if bad++; bad == 1 {
				first = aboutStripe(s, int(i), one)
			}
			c.mu.Lock()
			c.lost[s.Axis][i]++
			c.mu.Unlock()
		}
	}
	return bad, first
}

// openSliver opens a sliver's file, of the right length.
func (f *Folder) openSliver(s codec.SliverIndex) (*os.File, error) {
	var file *os.File
	err := retryShort(func() error {
		var info os.FileInfo
		var err error
		if file, info, err = openRegular(f.path(s)); err != nil {
			return err
		}
		if want := f.layout.SliverSize(s.Axis); info.Size() != want {
			file.Close()
			return fmt.Errorf("%w: %s has %d bytes, want %d", codec.ErrLength, filepath.Base(f.path(s)), info.Size(), want)
		}
		return nil
	}, f.files.evict)
	return file, err
}

// whole is the error of a reading at some offset that has to give a number of bytes.
func whole(n, want int, err error) error {
	switch {
	case n == want:
		return nil
	case err == io.EOF:
		return fmt.Errorf("%w: it ends %d bytes early", codec.ErrLength, want-n)
	}
	return blameMachine(err)
}

// aboutStripe says which stripe an error is about, unless it does so already.
func aboutStripe(s codec.SliverIndex, stripe int, err error) error {
	var known *codec.SliverError
	if errors.As(err, &known) {
		return err
	}
	return &codec.SliverError{Sliver: s, Stripe: stripe, Err: err}
}

// undecodable counts the stripes that have too few good slivers of both axes.
func (c *checking) undecodable() int {
	var whole [2]int // slivers that are not wholly bad
	for _, s := range c.report.Slivers {
		if s.State == Good || s.BadStripes > 0 {
			whole[s.Sliver.Axis]++
		}
	}
	l, count := c.layout, 0
	for i := range l.Stripes() {
		if whole[codec.Primary]-int(c.lost[codec.Primary][i]) < l.Rows() && whole[codec.Secondary]-int(c.lost[codec.Secondary][i]) < l.Cols() {
			count++
		}
	}
	return count
}

func workers(opts codec.Options) int {
	if opts.Workers > 0 {
		return opts.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// progress adds up what several goroutines do.
type progress struct {
	mu   sync.Mutex
	done uint64
	tell func(done uint64)
}

func (p *progress) add(n uint64) {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.tell(p.done)
}
