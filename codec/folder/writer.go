package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/selvage-network/selvage/codec"
)

// Writer is a [codec.Sink] that writes all slivers of a blob into a temporary folder beside the final one. Only
// [Writer.Commit] gives the folder its name; [Writer.Close] before that removes everything.
type Writer struct {
	layout codec.Layout
	dir    string      // final
	mode   os.FileMode // of an empty folder that is replaced, or 0
	temp   string
	slots  []*slot // by position
	done   bool
}

// file is what a Writer needs of an [os.File]; tests put failing ones in its place.
type file interface {
	io.WriterAt
	Sync() error
	Close() error
}

// openFile opens a file for writing.
var openFile = func(path string, flag int) (file, error) { return os.OpenFile(path, flag, 0o666) }

// slot is one sliver that is being written. The calls for one sliver come one after another, so it needs no lock.
type slot struct {
	path    string
	buffer  *sliverBuffer
	keep    bool // the descriptor stays open between writes
	created bool
	f       file // nil while closed
}

// WriteAt implements io.WriterAt, opening the file when it has to.
func (s *slot) WriteAt(b []byte, at int64) (int, error) {
	if s.f == nil {
		flag := os.O_WRONLY
		if !s.created {
			flag |= os.O_CREATE | os.O_EXCL
		}
		f, err := openFile(s.path, flag)
		if err != nil {
			return 0, err
		}
		s.f, s.created = f, true
	}
	return s.f.WriteAt(b, at)
}

func (s *slot) close() error {
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	s.f = nil
	return err
}

// Encode reads a blob of the given size, encodes it and writes all slivers and the metadata to a new folder. After
// an error nothing is there under the folder's name.
func Encode(ctx context.Context, dir string, g codec.Grid, r io.Reader, size uint64, opts codec.Options) (*codec.Metadata, error) {
	l, err := g.Layout(size)
	if err != nil {
		return nil, err
	}
	w, err := Create(dir, l)
	if err != nil {
		return nil, err
	}
	m, err := codec.Encode(ctx, g, r, int64(size), w, opts)
	if err == nil {
		err = w.Commit(ctx, m)
	}
	return m, errors.Join(err, w.Close())
}

// Create prepares to write the slivers of a blob to a folder that doesn't exist yet or is empty. The folder it is
// in must exist.
func Create(dir string, l codec.Layout) (*Writer, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder: create %s: %w", dir, err)
	}
	w := &Writer{layout: l, dir: abs}
	if err := w.checkTarget(); err != nil {
		return nil, err
	}
	w.temp = filepath.Join(filepath.Dir(w.dir), "."+filepath.Base(w.dir)+".part-"+rand.Text()[:10])
	if err := os.Mkdir(w.temp, 0o777); err != nil {
		return nil, fmt.Errorf("folder: create %s: %w", dir, err)
	}
	w.slots = make([]*slot, 2*l.Shards())
	for p := range w.slots {
		s := l.SliverAt(p)
		w.slots[p] = &slot{
			path:   filepath.Join(w.temp, SliverName(s)),
			buffer: newSliverBuffer(l, s, len(w.slots)),
			keep:   p < maxOpen,
		}
	}
	return w, nil
}

// CheckTarget refuses what [Create] would refuse as a target, for callers that have long work to do before.
func CheckTarget(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("folder: create %s: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Dir(abs)); err != nil {
		return fmt.Errorf("folder: create %s: %w", dir, err)
	}
	return (&Writer{dir: abs}).checkTarget()
}

// checkTarget refuses a final name that is taken, and looks through links to an empty folder.
func (w *Writer) checkTarget() error {
	info, err := os.Stat(w.dir)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("folder: look at the target: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s", ErrExists, w.dir)
	}
	if w.dir, err = filepath.EvalSymlinks(w.dir); err != nil {
		return fmt.Errorf("folder: look at the target: %w", err)
	}
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return fmt.Errorf("folder: look at the target: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %s has %d entries", ErrExists, w.dir, len(entries))
	}
	w.mode = info.Mode().Perm()
	return nil
}

// WriteStripe implements [codec.Sink].
func (w *Writer) WriteStripe(_ context.Context, s codec.SliverIndex, c codec.StripeIndex, root codec.Hash, data []byte) error {
	if err := w.layout.CheckSliver(s); err != nil {
		return err
	}
	slot := w.slots[w.layout.Position(s)]
	err := slot.buffer.add(slot, c, root, data)
	if !slot.keep {
		err = errors.Join(err, slot.close())
	}
	if err != nil {
		return fmt.Errorf("folder: write %v: %w", s, err)
	}
	return nil
}

// Commit completes the slivers with their roots, adds the metadata, makes everything last and gives the folder its
// final name. It fails if a sliver is not whole or the metadata is of another blob.
func (w *Writer) Commit(ctx context.Context, m *codec.Metadata) error {
	if w.done {
		return errors.New("folder: the folder was committed or closed before")
	}
	if m.Shards != w.layout.Shards() || m.Size != w.layout.Size() {
		return fmt.Errorf("%w: it is for n = %d and %d bytes, the slivers for n = %d and %d bytes",
			codec.ErrMetadata, m.Shards, m.Size, w.layout.Shards(), w.layout.Size())
	}
	group, ctx2 := errgroup.WithContext(ctx)
	group.SetLimit(16) // waiting for the disk, not computing
	for _, s := range w.slots {
		group.Go(func() error {
			if err := ctx2.Err(); err != nil {
				return err
			}
			if err := s.finish(); err != nil {
				return fmt.Errorf("folder: complete %v: %w", s.buffer.sliver, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	b, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	meta := &slot{path: filepath.Join(w.temp, MetadataName(m.ID()))}
	if _, err = meta.WriteAt(b, 0); err == nil {
		err = meta.f.Sync()
	}
	if err = errors.Join(err, meta.close()); err != nil {
		return fmt.Errorf("folder: write the metadata: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.rename()
}

// finish writes what is left of a sliver and waits for the disk.
func (s *slot) finish() error {
	err := s.buffer.finish(s)
	if err == nil {
		err = s.f.Sync()
	}
	return errors.Join(err, s.close())
}

// rename gives the folder its final name.
func (w *Writer) rename() error {
	fail := func(err error) error { return fmt.Errorf("folder: give %s its name: %w", w.dir, err) }
	if err := syncDir(w.temp); err != nil {
		return fail(err)
	}
	if w.mode != 0 {
		if err := os.Chmod(w.temp, w.mode); err != nil {
			return fail(err)
		}
		// An empty folder only: if somebody has put something into it meanwhile this fails, and so does renaming.
		if err := os.Remove(w.dir); err != nil && !isMissing(err) {
			return fail(err)
		}
	}
	if err := os.Rename(w.temp, w.dir); err != nil {
		return fail(err)
	}
	w.done = true
	if err := syncDir(filepath.Dir(w.dir)); err != nil {
		return fail(err)
	}
	return nil
}

// Close removes everything that was written, unless it was committed. It may be called several times.
func (w *Writer) Close() error {
	if w.done {
		return nil
	}
	w.done = true
	for _, s := range w.slots {
		s.close()
	}
	if err := os.RemoveAll(w.temp); err != nil {
		return fmt.Errorf("folder: remove the temporary folder: %w", err)
	}
	return nil
}
