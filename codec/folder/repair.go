package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/selvage-network/selvage/codec"
)

// Repaired tells of one sliver that was made anew.
type Repaired struct {
	Sliver codec.SliverIndex
	Was    Status // what was wrong with it
	// LostBytes are the bytes of the sliver's stripes. SymbolBytes is what its recovery asked of other slivers, the
	// bytes that would have crossed a network, and ReadBytes what was read from files for that: more where a
	// symbol is not stored but computed from a whole sliver.
	LostBytes, SymbolBytes, ReadBytes int64
	Took                              time.Duration
	// Bad are slivers that turned out corrupt while they were read. They are repaired in their turn.
	Bad []*codec.SliverError
}

// Ratio is how many bytes would have crossed a network for each byte that was lost.
func (r Repaired) Ratio() float64 { return float64(r.SymbolBytes) / float64(r.LostBytes) }

// Repair makes missing and corrupt slivers anew with [codec.Recover], several at a time, and puts each in its place
// when it is whole, checked and on disk. Secondaries come first wherever they can: each needs rows good primaries;
// primaries need cols good secondaries, and may have them only then. checked is the result of [Folder.Check], or
// nil for a check now. report, if not nil, is called for every repaired sliver, from one goroutine at a time.
//
// A [*RepairError] says which slivers could not be repaired; it wraps a [*codec.NotEnoughError] when too few are
// good. An error that wraps [codec.ErrInconsistent] says that good slivers contradict each other: the blob's writer
// lied. Whatever was repaired before an error stays so. opts.Progress is not used.
func (f *Folder) Repair(ctx context.Context, checked *CheckReport, opts codec.Options, report func(Repaired)) error {
	opts.Progress = nil
	if checked == nil {
		var err error
		if checked, err = f.Check(ctx, opts); err != nil {
			return err
		}
	}
	r := &repair{
		Folder: f, opts: opts, report: report,
		status: &CheckReport{Grid: checked.Grid, Slivers: append([]Status(nil), checked.Slivers...)},
		mended: make([]bool, len(checked.Slivers)),
		failed: make([]error, len(checked.Slivers)),
	}
	return r.run(ctx)
}

// repair is one call of [Folder.Repair].
type repair struct {
	*Folder
	opts   codec.Options
	report func(Repaired)

	mu     sync.Mutex // guards the rest while slivers are recovered
	status *CheckReport
	mended []bool  // repaired once
	failed []error // not to be tried again
}

// run repairs in rounds, until everything is good or a round changes nothing.
func (r *repair) run(ctx context.Context) error {
	r.findBlocked()
	for {
		progress := false
		for _, axis := range []codec.Axis{codec.Secondary, codec.Primary} {
			across := axis.Other()
			todo := r.todo(axis)
			if len(todo) == 0 || r.status.Count(across, Good) < r.layout.Needed(across) {
				continue
			}
			changed, err := r.recoverAll(ctx, todo)
			if err != nil {
				return err
			}
			progress = progress || changed
		}
		if !progress {
			return r.verdict()
		}
	}
}

// findBlocked gives up slivers in whose place a folder lies, which no file can replace.
func (r *repair) findBlocked() {
	for p, s := range r.status.Slivers {
		if s.State != Corrupt {
			continue
		}
		if info, err := os.Lstat(r.path(s.Sliver)); err == nil && info.IsDir() {
			r.failed[p] = fmt.Errorf("%w: %s is a folder; move it away and repair again", ErrNotRegular, r.path(s.Sliver))
		}
	}
}

// todo lists the slivers of an axis that can be tried.
func (r *repair) todo(a codec.Axis) []codec.SliverIndex {
	var all []codec.SliverIndex
	for p, s := range r.status.Slivers {
		if s.Sliver.Axis == a && s.State != Good && r.failed[p] == nil {
			all = append(all, s.Sliver)
		}
	}
	return all
}

// verdict is the end of a repair.
func (r *repair) verdict() error {
	left := r.status.Bad()
	if len(left) == 0 {
		return nil
	}
	err := errors.Join(r.failed...)
	if err == nil || len(r.todo(codec.Primary))+len(r.todo(codec.Secondary)) > 0 {
		err = errors.Join(r.status.NotEnough(), err)
	}
	return &RepairError{Left: left, Err: err}
}

// repairMemory bounds what the recoveries that run at the same time need, roughly.
const repairMemory = 512 << 20

// recoveryStep is how many bytes of a sliver package codec recovers in one step. A recovery holds three times that:
// symbols as they came, computed ones, and the sliver.
const recoveryStep = 8 << 20

// shares says how many slivers are recovered at a time, and how many cores each may use. Two slivers for each core
// are best: a single recovery can't share the work on a short sliver, or its reading, among many cores, and while
// one waits for the disk to have it the other computes.
func (r *repair) shares(todo int, a codec.Axis) (parallel, cores int) {
	cores = workers(r.opts)
	l := r.layout
	stripe := int64(l.SliverStripeSize(a, 0))
	step := max(stripe, min(recoveryStep, l.SliverDataSize(a)))
	need := 3*step + dataMost + reads*int64(l.SliverStripeSize(a.Other(), 0)+l.Shards()*256)
	parallel = int(max(1, min(2*int64(cores), int64(todo), repairMemory/need)))
	return parallel, (cores + parallel - 1) / parallel
}

// reads is how many files a recovery reads from at a time.
const reads = 4

// recoverAll recovers slivers of one axis, and reports whether any state has changed.
func (r *repair) recoverAll(ctx context.Context, todo []codec.SliverIndex) (changed bool, err error) {
	parallel, cores := r.shares(len(todo), todo[0].Axis)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	opts := codec.Options{Workers: cores, Reads: max(reads, cores)}
	for _, s := range todo {
		group.Go(func() error {
			did, err := r.recover(ctx, s, opts)
			r.mu.Lock()
			changed = changed || did
			r.mu.Unlock()
			return err
		})
	}
	err = group.Wait()
	return changed, err
}

// recover makes one sliver anew. An error ends the repair; too few good sources only end this sliver's turn.
func (r *repair) recover(ctx context.Context, s codec.SliverIndex, opts codec.Options) (changed bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	start := time.Now()
	sources, err := r.sources(s.Axis.Other())
	if err != nil {
		return false, err
	}
	out, err := r.newReplacement(s)
	if err != nil {
		return false, err
	}
	defer out.discard()
	done, err := codec.Recover(ctx, r.layout, r.meta, s, nil, sources.all, out, opts)
	if done != nil {
		changed = r.markCorrupt(done.Bad)
	}
	if err == nil {
		err = out.commit()
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return changed, ctx.Err()
	case errors.Is(err, codec.ErrNotEnough):
		return changed, nil
	case errors.Is(err, codec.ErrInconsistent):
		return changed, fmt.Errorf("folder: repair %v: good slivers contradict the one that the writer committed to, the writer lied: %w", s, err)
	default:
		return changed, fmt.Errorf("folder: repair %v: %w", s, err)
	}
	r.markGood(Repaired{
		Sliver: s, LostBytes: done.Size, SymbolBytes: done.SymbolBytes, ReadBytes: sources.bytesRead(),
		Took: time.Since(start), Bad: done.Bad,
	})
	return true, nil
}

// markCorrupt takes slivers that failed as sources off the good ones.
func (r *repair) markCorrupt(bad []*codec.SliverError) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range bad {
		p := r.layout.Position(e.Sliver)
		if r.status.Slivers[p].State != Good {
			continue
		}
		r.status.Slivers[p] = statusOf(e.Sliver, e)
		// A file that goes bad again and again would keep the repair busy for ever.
		if r.mended[p] {
			r.failed[p] = fmt.Errorf("folder: %v is bad again after its repair, the disk doesn't keep what is written: %w", e.Sliver, e)
		}
		r.files.forget(r.path(e.Sliver))
		changed = true
	}
	return changed
}

// markGood takes note of a repaired sliver and reports it.
func (r *repair) markGood(done Repaired) {
	p := r.layout.Position(done.Sliver)
	r.files.forget(r.path(done.Sliver))
	r.Folder.mu.Lock()
	r.present[p] = true
	r.Folder.mu.Unlock()

	r.mu.Lock()
	defer r.mu.Unlock()
	done.Was = r.status.Slivers[p]
	r.status.Slivers[p] = Status{Sliver: done.Sliver, State: Good}
	r.mended[p] = true
	if r.report != nil {
		r.report(done)
	}
}
