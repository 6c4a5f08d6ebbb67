package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/selvage-network/selvage/codec"
)

// Writer is a [codec.Sink] that writes all slivers of a blob into a temporary folder beside the final one. Only
// [Writer.Commit] gives the folder its name; [Writer.Close] before that removes everything.
type Writer struct {
	layout codec.Layout
	dir    string      // final
	mode   os.FileMode // of an empty folder that is replaced, or 0
	temp   string
	slots  *slots
	done   bool
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
	slivers := make([]codec.SliverIndex, 2*l.Shards())
	for p := range slivers {
		slivers[p] = l.SliverAt(p)
	}
	w.slots = newSlots(l, slivers, func(s codec.SliverIndex) string { return filepath.Join(w.temp, SliverName(s)) })
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
	// The folder is replaced, not filled, so that a broken-off encoding leaves nothing in it. Whoever stands in it, and
	// whatever is mounted on it, would be left with the old one. A folder above the current one is not empty.
	if here, err := os.Stat("."); err == nil && os.SameFile(here, info) {
		return fmt.Errorf("%w: %s is the current folder; go elsewhere, or name a new folder in it", ErrInUse, w.dir)
	}
	if isMountPoint(w.dir, info) {
		return fmt.Errorf("%w: something is mounted on %s; name a new folder in it", ErrInUse, w.dir)
	}
	w.mode = info.Mode().Perm()
	return nil
}

// WriteStripe implements [codec.Sink].
func (w *Writer) WriteStripe(ctx context.Context, s codec.SliverIndex, c codec.StripeIndex, root codec.Hash, data []byte) error {
	return w.slots.WriteStripe(ctx, s, c, root, data)
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
	if err := w.slots.finish(ctx); err != nil {
		return err
	}
	b, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	if err := writeNew(filepath.Join(w.temp, MetadataName(m.ID())), b); err != nil {
		return fmt.Errorf("folder: write the metadata: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.rename()
}

// writeNew writes a small file and waits for the disk.
func writeNew(path string, b []byte) error {
	f, err := openFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(b, 0); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// rename gives the folder its final name.
func (w *Writer) rename() error {
	fail := func(err error) error { return fmt.Errorf("folder: give %s its name: %w", w.dir, err) }
	if err := SyncDir(w.temp); err != nil {
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
	if err := SyncDir(filepath.Dir(w.dir)); err != nil {
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
	w.slots.close()
	if err := os.RemoveAll(w.temp); err != nil {
		return fmt.Errorf("folder: remove the temporary folder: %w", err)
	}
	return nil
}
