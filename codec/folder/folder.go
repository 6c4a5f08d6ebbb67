package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/selvage-network/selvage/codec"
)

// Folder is an existing folder with slivers of a blob. It may be used concurrently, but for [Folder.Repair] and
// [Folder.Close], which nothing else may run beside.
type Folder struct {
	dir      string
	id       codec.BlobID
	meta     *codec.Metadata
	layout   codec.Layout
	warnings []Warning
	files    *files

	mu      sync.Mutex
	present []bool // by position: something has the sliver's name
}

// Warning is about a file that is no part of the blob.
type Warning struct {
	File   string
	Reason string
}

func (w Warning) String() string { return w.File + ": " + w.Reason }

// Open opens a folder with exactly one blob: its metadata is read and checked, slivers are looked at only when they
// are used. The folder must be closed.
func Open(dir string) (*Folder, error) { return open(dir, nil) }

// OpenBlob opens a folder for the given blob, whatever other metadata it has.
func OpenBlob(dir string, id codec.BlobID) (*Folder, error) { return open(dir, &id) }

func open(dir string, want *codec.BlobID) (*Folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("folder: list the slivers: %w", err)
	}
	f := &Folder{dir: dir, files: newFiles()}
	var slivers []codec.SliverIndex
	var ids []codec.BlobID
	for _, e := range entries {
		switch n := parseName(e.Name()); n.kind {
		case kindSliver:
			slivers = append(slivers, n.sliver)
		case kindMetadata:
			ids = append(ids, n.id)
		case kindLeftover:
			f.warn(e.Name(), "left over by an interrupted repair, can be deleted")
		default:
			f.warn(e.Name(), "is neither a sliver nor metadata")
		}
	}
	if f.id, err = f.chooseBlob(ids, want); err != nil {
		return nil, err
	}
	if f.meta, err = readMetadata(filepath.Join(dir, MetadataName(f.id)), f.id); err != nil {
		return nil, err
	}
	if f.layout, err = f.meta.Layout(); err != nil {
		return nil, fmt.Errorf("folder: blob %v: %w", f.id, err)
	}
	f.present = make([]bool, 2*f.layout.Shards())
	for _, s := range slivers {
		if err := f.layout.CheckSliver(s); err != nil {
			f.warn(SliverName(s), fmt.Sprintf("the blob has no such sliver, it has %d shards", f.layout.Shards()))
			continue
		}
		f.present[f.layout.Position(s)] = true
	}
	return f, nil
}

func (f *Folder) warn(file, reason string) {
	f.warnings = append(f.warnings, Warning{File: file, Reason: reason})
}

// chooseBlob says whose metadata is to be read.
func (f *Folder) chooseBlob(ids []codec.BlobID, want *codec.BlobID) (codec.BlobID, error) {
	if want == nil {
		switch len(ids) {
		case 0:
			return codec.BlobID{}, fmt.Errorf("%w: %s has no file blob-<blob ID>%s", ErrNoMetadata, f.dir, metadataSuffix)
		case 1:
			return ids[0], nil
		}
		return codec.BlobID{}, &ManyBlobsError{Dir: f.dir, IDs: ids}
	}
	found := false
	for _, id := range ids {
		if id == *want {
			found = true
		} else {
			f.warn(MetadataName(id), "is the metadata of another blob")
		}
	}
	if !found {
		return codec.BlobID{}, fmt.Errorf("%w: %s has no file %s", ErrNoMetadata, f.dir, MetadataName(*want))
	}
	return *want, nil
}

// readMetadata reads a metadata file and checks it against the blob ID.
func readMetadata(path string, id codec.BlobID) (*codec.Metadata, error) {
	file, _, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("folder: read the metadata: %w", err)
	}
	defer file.Close()
	largest, err := codec.NewGrid(codec.MaxShards)
	if err != nil {
		return nil, err
	}
	// One byte more than any metadata has, so that a longer file is seen to be too long.
	b, err := io.ReadAll(io.LimitReader(file, int64(largest.MetadataSize())+1))
	if err != nil {
		return nil, fmt.Errorf("folder: read the metadata: %w", err)
	}
	m, err := codec.ParseMetadata(b, id)
	if err != nil {
		return nil, fmt.Errorf("folder: %s: %w", path, err)
	}
	return m, nil
}

// Close closes the files.
func (f *Folder) Close() error {
	f.files.close()
	return nil
}

// Dir is the folder's path.
func (f *Folder) Dir() string { return f.dir }

// ID is the blob's ID.
func (f *Folder) ID() codec.BlobID { return f.id }

// Metadata is the blob's metadata.
func (f *Folder) Metadata() *codec.Metadata { return f.meta }

// Layout is the blob's layout.
func (f *Folder) Layout() codec.Layout { return f.layout }

// Warnings are about files that are no part of the blob.
func (f *Folder) Warnings() []Warning { return f.warnings }

// Slivers lists the slivers whose files are there, good or not, in the order of their positions.
func (f *Folder) Slivers() []codec.SliverIndex { return f.list(true) }

// Missing lists the slivers whose files are not there.
func (f *Folder) Missing() []codec.SliverIndex { return f.list(false) }

func (f *Folder) list(present bool) []codec.SliverIndex {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []codec.SliverIndex
	for p, here := range f.present {
		if here == present {
			all = append(all, f.layout.SliverAt(p))
		}
	}
	return all
}

// Source returns a sliver of the blob, to be read from its file. Whether the file is there shows when it is read.
func (f *Folder) Source(s codec.SliverIndex) (*Source, error) {
	if err := f.layout.CheckSliver(s); err != nil {
		return nil, err
	}
	return &Source{layout: f.layout, sliver: s, path: f.path(s), files: f.files}, nil
}

func (f *Folder) path(s codec.SliverIndex) string { return filepath.Join(f.dir, SliverName(s)) }

// isMissing tells a file that is not there from one that cannot be used.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// isUnreadable tells a file that this user may not read: it may be good.
func isUnreadable(err error) bool { return errors.Is(err, fs.ErrPermission) }
