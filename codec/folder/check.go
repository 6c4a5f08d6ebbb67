package folder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/selvage-network/selvage/codec"
)

// State is what a check found of a sliver.
type State uint8

// The states of a sliver.
const (
	Good State = iota
	Missing
	Corrupt
)

func (s State) String() string {
	switch s {
	case Good:
		return "good"
	case Missing:
		return "missing"
	case Corrupt:
		return "corrupt"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(b []byte) error {
	for _, known := range []State{Good, Missing, Corrupt} {
		if known.String() == string(b) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("folder: %q is no state of a sliver", b)
}

// Status is the state of one sliver.
type Status struct {
	Sliver codec.SliverIndex
	State  State
	Err    *codec.SliverError // of a corrupt sliver: what is wrong, and in which stripe
}

// CheckReport is the state of all 2n slivers, in the order of their positions.
type CheckReport struct {
	Grid    codec.Grid
	Slivers []Status
}

// Count is the number of slivers of an axis that are in a state.
func (r *CheckReport) Count(a codec.Axis, state State) int {
	count := 0
	for _, s := range r.Slivers {
		if s.Sliver.Axis == a && s.State == state {
			count++
		}
	}
	return count
}

// Bad lists the slivers that are missing or corrupt.
func (r *CheckReport) Bad() []Status {
	var bad []Status
	for _, s := range r.Slivers {
		if s.State != Good {
			bad = append(bad, s)
		}
	}
	return bad
}

// Sufficient reports whether the good slivers give back the blob, and with it all other slivers.
func (r *CheckReport) Sufficient() bool {
	return r.Count(codec.Primary, Good) >= r.Grid.Rows() || r.Count(codec.Secondary, Good) >= r.Grid.Cols()
}

// NotEnough describes what is there as an error.
func (r *CheckReport) NotEnough() *codec.NotEnoughError {
	e := &codec.NotEnoughError{
		Stripe:      -1,
		Primaries:   r.Count(codec.Primary, Good),
		Secondaries: r.Count(codec.Secondary, Good),
		Grid:        r.Grid,
	}
	for _, s := range r.Slivers {
		if s.State == Corrupt {
			e.Bad = append(e.Bad, s.Err)
		}
	}
	return e
}

// Check reads every sliver and verifies all of it, on all cores, one sliver on each. opts.Progress is told bytes of
// files. The error is only about the check itself, not about bad slivers.
func (f *Folder) Check(ctx context.Context, opts codec.Options) (*CheckReport, error) {
	report := &CheckReport{Grid: f.layout.Grid, Slivers: make([]Status, 2*f.layout.Shards())}
	progress := &progress{tell: opts.Progress}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers(opts))
	buffers := sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 256<<10) }}
	for p := range report.Slivers {
		group.Go(func() error {
			s := f.layout.SliverAt(p)
			buf := buffers.Get().(*bufio.Reader)
			err := f.checkSliver(ctx, s, buf, progress)
			buffers.Put(buf)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			report.Slivers[p] = statusOf(s, err)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("folder: check %s: %w", f.dir, err)
	}
	return report, nil
}

// CheckSize is the number of bytes that [Folder.Check] reads when all files that are there are whole.
func (f *Folder) CheckSize() int64 {
	size := int64(0)
	for _, s := range f.Slivers() {
		size += f.layout.SliverSize(s.Axis)
	}
	return size
}

// statusOf classifies the error of reading a sliver.
func statusOf(s codec.SliverIndex, err error) Status {
	var bad *codec.SliverError
	switch {
	case err == nil:
		return Status{Sliver: s, State: Good}
	case isMissing(err):
		return Status{Sliver: s, State: Missing}
	case errors.As(err, &bad):
		return Status{Sliver: s, State: Corrupt, Err: bad}
	}
	return Status{Sliver: s, State: Corrupt, Err: &codec.SliverError{Sliver: s, Stripe: -1, Err: err}}
}

// checkSliver verifies one sliver.
func (f *Folder) checkSliver(ctx context.Context, s codec.SliverIndex, buf *bufio.Reader, progress *progress) error {
	file, info, err := openRegular(f.path(s))
	if err != nil {
		return err
	}
	defer file.Close()
	if want := f.layout.SliverSize(s.Axis); info.Size() != want {
		return fmt.Errorf("%w: %s has %d bytes, want %d", codec.ErrLength, filepath.Base(f.path(s)), info.Size(), want)
	}
	value, _ := f.meta.Committed(s)
	buf.Reset(&meter{r: file, progress: progress})
	return codec.ReadSliver(ctx, buf, f.layout, s, value, nil)
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

// meter tells progress how much was read.
type meter struct {
	r        io.Reader
	progress *progress
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.progress.add(uint64(n))
	return n, err
}
