package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/selvage-network/selvage/codec"
)

// file is what a slot needs of an [os.File]; tests put failing ones in its place.
type file interface {
	io.WriterAt
	Sync() error
	Close() error
}

// openFile opens a file for writing.
var openFile = func(path string, flag int) (file, error) { return os.OpenFile(path, flag, 0o666) }

// slot is a file with one sliver that is being written.
type slot struct {
	path   string
	buffer *sliverBuffer
	group  *slots

	mu      sync.Mutex // guards the rest, against eviction: a sliver's stripes come one after another anyway
	keep    bool       // the descriptor stays open between writes
	created bool
	f       file  // nil while closed
	err     error // of closing it between writes
}

// slots are slivers that are written at the same time, and a [codec.Sink] for them. Slivers that have no slot are
// let go.
type slots struct {
	layout codec.Layout
	at     []*slot // by position, nil where there is none
	evict  []func()
}

// newSlots makes a slot for each given sliver. name says where its file is. evict, if there are any, are called when
// the system has no descriptors left.
func newSlots(l codec.Layout, slivers []codec.SliverIndex, name func(codec.SliverIndex) string, evict ...func()) *slots {
	g := &slots{layout: l, at: make([]*slot, 2*l.Shards())}
	g.evict = append(evict, g.closeIdle)
	for i, s := range slivers {
		g.at[l.Position(s)] = &slot{
			path: name(s), group: g, keep: i < maxOpen,
			buffer: newSliverBuffer(l, s, len(slivers)),
		}
	}
	return g
}

// WriteStripe implements [codec.Sink].
func (g *slots) WriteStripe(_ context.Context, s codec.SliverIndex, c codec.StripeIndex, root codec.Hash, data []byte) error {
	if err := g.layout.CheckSliver(s); err != nil {
		return err
	}
	slot := g.at[g.layout.Position(s)]
	if slot == nil {
		return nil
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	err := slot.buffer.add(slot, c, root, data)
	if !slot.keep {
		err = errors.Join(err, slot.close())
	}
	if err != nil {
		return fmt.Errorf("folder: write %v: %w", s, err)
	}
	return nil
}

// finish completes all slivers and waits for the disk.
func (g *slots) finish(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16) // waiting for the disk, not computing
	for _, s := range g.at {
		if s == nil {
			continue
		}
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.finish(); err != nil {
				return fmt.Errorf("folder: complete %v: %w", s.buffer.sliver, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// closeIdle closes the files that nobody is writing to right now, and keeps them closed between writes.
func (g *slots) closeIdle() {
	for _, s := range g.at {
		if s != nil && s.mu.TryLock() {
			s.keep = false
			s.err = errors.Join(s.err, s.close())
			s.mu.Unlock()
		}
	}
}

// close closes all files.
func (g *slots) close() {
	for _, s := range g.at {
		if s != nil {
			s.mu.Lock()
			s.close()
			s.mu.Unlock()
		}
	}
}

// discard removes the files that were not put in their places.
func (g *slots) discard() {
	g.close()
	for _, s := range g.at {
		if s != nil && s.created {
			os.Remove(s.path)
		}
	}
}

// WriteAt implements io.WriterAt, opening the file when it has to. s.mu is held.
func (s *slot) WriteAt(b []byte, at int64) (int, error) {
	if err := s.open(); err != nil {
		return 0, err
	}
	return s.f.WriteAt(b, at)
}

func (s *slot) open() error {
	if s.f != nil || s.err != nil {
		return s.err
	}
	flag := os.O_WRONLY
	if !s.created {
		flag |= os.O_CREATE | os.O_EXCL
	}
	return retryShort(func() error {
		f, err := openFile(s.path, flag)
		if err == nil {
			s.f, s.created = f, true
		}
		return err
	}, s.group.evict...)
}

func (s *slot) close() error {
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	s.f = nil
	return err
}

// finish writes what is left of a sliver and waits for the disk.
func (s *slot) finish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.buffer.finish(s)
	if err == nil {
		err = s.open() // there may have been nothing left to write
	}
	if err == nil {
		err = s.f.Sync()
	}
	return errors.Join(err, s.close())
}

// place gives a finished file another name.
func (s *slot) place(path string) error {
	if err := os.Rename(s.path, path); err != nil {
		return fmt.Errorf("folder: put %v in its place: %w", s.buffer.sliver, err)
	}
	s.created = false
	return nil
}
