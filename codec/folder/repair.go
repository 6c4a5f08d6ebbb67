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
	// symbol is not stored but computed from a whole sliver. Both are 0 for a sliver that a pass made with others.
	LostBytes, SymbolBytes, ReadBytes int64
	Took                              time.Duration
	// Bad are slivers that turned out corrupt while they were read. They are repaired in their turn.
	Bad []*codec.SliverError
	// Pass, if not nil, is the decoding of the blob that made this sliver, the same one for all its slivers.
	Pass *Pass
}

// Ratio is how many bytes would have crossed a network for each byte that was lost.
func (r Repaired) Ratio() float64 { return float64(r.SymbolBytes) / float64(r.LostBytes) }

// ReadRatio is how many bytes were read from files for each byte that was lost.
func (r Repaired) ReadRatio() float64 { return float64(r.ReadBytes) / float64(r.LostBytes) }

// RepairOptions say how [Folder.Repair] goes about it.
type RepairOptions struct {
	// Options tune the work. Progress is told bytes of the blob while it is decoded and encoded again.
	codec.Options
	// Whole makes all slivers in one pass that decodes the blob and encodes it again, instead of each from symbols of
	// others. That reads less when most slivers are lost: see [CheckReport.PreferDecode].
	Whole bool
}

// Repair makes missing and corrupt slivers anew with [codec.Recover], several at a time, and puts each in its place
// when it is whole, checked and on disk. Secondaries come first wherever they can: each needs rows good primaries;
// primaries need cols good secondaries, and may have them only then. When too few slivers are good as a whole, the
// blob is decoded and encoded again, which needs enough good slivers for each stripe alone, and the slivers get their
// places together when the blob has its ID again. checked is the result of [Folder.Check], or nil for a check now.
// report, if not nil, is called for every repaired sliver, from one goroutine at a time.
//
// A [*RepairError] says which slivers could not be repaired; it wraps a [*codec.NotEnoughError] when too few are
// good. Slivers that may not be read are never replaced. An error that wraps [codec.ErrInconsistent] says that good
// slivers contradict each other: the blob's writer lied. Whatever was repaired before an error stays so.
func (f *Folder) Repair(ctx context.Context, checked *CheckReport, opts RepairOptions, report func(Repaired)) error {
	if checked == nil {
		var err error
		if checked, err = f.Check(ctx, codec.Options{Workers: opts.Workers}); err != nil {
			return err
		}
	}
	status := *checked
	status.Slivers = append([]Status(nil), checked.Slivers...)
	r := &repair{
		Folder: f, opts: opts, report: report, status: &status, hopeless: !status.Decodable(),
		mended: make([]bool, len(checked.Slivers)),
		failed: make([]error, len(checked.Slivers)),
	}
	return r.run(ctx)
}

// repair is one call of [Folder.Repair].
type repair struct {
	*Folder
	opts   RepairOptions
	report func(Repaired)

	mu       sync.Mutex // guards the rest while slivers are recovered
	status   *CheckReport
	mended   []bool  // repaired once
	failed   []error // not to be tried again
	hopeless bool    // some stripe is known to have too few slivers for decoding
	few      error   // of the last decoding that found too few slivers
}

// run repairs one by one for as long as that gets anywhere, and decodes the blob when it doesn't, or from the start
// when that is wanted, until everything is good or nothing changes any more.
func (r *repair) run(ctx context.Context) error {
	r.findBlocked()
	for {
		var changed bool
		var err error
		if !r.opts.Whole {
			changed, err = r.oneByOne(ctx)
		}
		if err == nil && !changed && !r.hopeless {
			changed, err = r.decodeOnce(ctx)
		}
		if err != nil {
			return err
		}
		if !changed {
			return r.verdict()
		}
	}
}

// oneByOne recovers slivers of each axis from the other, and reports whether any state has changed.
func (r *repair) oneByOne(ctx context.Context) (changed bool, err error) {
	for _, axis := range []codec.Axis{codec.Secondary, codec.Primary} {
		across := axis.Other()
		todo := r.todo(axis)
		if len(todo) == 0 || r.status.Count(across, Good) < r.layout.Needed(across) {
			continue
		}
		did, err := r.recoverAll(ctx, todo)
		if changed = changed || did; err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// findBlocked gives up slivers that no file can or may replace.
func (r *repair) findBlocked() {
	for p, s := range r.status.Slivers {
		if s.State == Unreadable {
			r.failed[p] = unreadable(s.Err)
		}
		if s.State != Corrupt {
			continue
		}
		if info, err := os.Lstat(r.path(s.Sliver)); err == nil && info.IsDir() {
			r.failed[p] = fmt.Errorf("%w: %s is a folder; move it away and repair again", ErrNotRegular, r.path(s.Sliver))
		}
	}
}

func unreadable(err *codec.SliverError) error { return fmt.Errorf("%w %w", ErrUnreadable, err) }

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
		few := r.few
		if few == nil {
			few = r.status.NotEnough()
		}
		err = errors.Join(few, err)
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
	cores = workers(r.opts.Options)
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
	out := r.newReplacements(s)
	defer out.discard()
	var done *codec.Recovery
	err = guarded(ctx, func(ctx context.Context) (err error) {
		done, err = codec.Recover(ctx, r.layout, r.meta, s, nil, sources.all, out, opts)
		return err
	})
	if done != nil {
		changed = r.markCorrupt(done.Bad)
	}
	var placed []codec.SliverIndex
	if err == nil {
		placed, err = r.replace(ctx, []codec.SliverIndex{s}, out)
	}
	if len(placed) > 0 {
		changed = true
		r.markGood(Repaired{
			Sliver: s, LostBytes: done.Size, SymbolBytes: done.SymbolBytes, ReadBytes: sources.bytesRead(),
			Took: time.Since(start), Bad: done.Bad,
		})
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return changed, ctx.Err()
	case errors.Is(err, codec.ErrNotEnough):
	case errors.Is(err, codec.ErrInconsistent):
		return changed, fmt.Errorf("folder: repair %v: good slivers contradict the one that the writer committed to, the writer lied: %w", s, err)
	default:
		return changed, fmt.Errorf("folder: repair %v: %w", s, err)
	}
	return changed, nil
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
		if r.status.Slivers[p].State == Unreadable {
			r.failed[p] = unreadable(e)
		}
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
