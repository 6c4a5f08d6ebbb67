package folder

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/selvage-network/selvage/codec"
)

// neighbours are the good slivers of one axis, as the sources of one recovery. They come in ascending order, the
// systematic ones first, since symbols of these need no computing. Whether symbols are stored in the slivers or
// computed by extending them is the same for all of them: it depends on the target's index only.
type neighbours struct {
	all        []codec.SymbolSource
	files      []*Source
	layout     codec.Layout
	extractors sync.Pool // *codec.Extractor
}

// sources returns the good slivers of an axis.
func (r *repair) sources(a codec.Axis) *neighbours {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &neighbours{layout: r.layout}
	for _, s := range r.status.Slivers {
		if s.Sliver.Axis == a && s.State == Good {
			src := &Source{layout: r.layout, sliver: s.Sliver, path: r.path(s.Sliver), files: r.files}
			n.files = append(n.files, src)
			n.all = append(n.all, &neighbour{Source: src, of: n})
		}
	}
	return n
}

func (n *neighbours) bytesRead() int64 {
	sum := int64(0)
	for _, src := range n.files {
		sum += src.BytesRead()
	}
	return sum
}

// extractor lends an extractor. [codec.NewSymbolSource] would make one for every source, hundreds of them with a
// stripe of memory each, of which only a few work at a time.
func (n *neighbours) extractor(use func(*codec.Extractor) error) error {
	x, _ := n.extractors.Get().(*codec.Extractor)
	if x == nil {
		var err error
		if x, err = codec.NewExtractor(n.layout); err != nil {
			return err
		}
	}
	defer n.extractors.Put(x)
	return use(x)
}

// neighbour is a [codec.SymbolSource] over a file.
type neighbour struct {
	*Source
	of *neighbours
}

func (n *neighbour) ReadSymbols(ctx context.Context, target codec.SliverIndex, first, end codec.StripeIndex, dst []byte) error {
	return n.of.extractor(func(x *codec.Extractor) error {
		_, err := x.Symbols(ctx, n.Source, target, first, end, dst)
		return err
	})
}

func (n *neighbour) ReadProof(ctx context.Context, target codec.SliverIndex, c codec.StripeIndex) (p *codec.SymbolProof, err error) {
	err = n.of.extractor(func(x *codec.Extractor) error {
		p, err = x.Proof(ctx, n.Source, target, c)
		return err
	})
	return p, err
}

// replacement is a [codec.Sink] for one sliver that takes its place only when it is whole.
type replacement struct {
	f      *Folder
	sliver codec.SliverIndex
	buffer *sliverBuffer
	temp   string
	file   file // nil once it is closed
}

// newReplacement begins a sliver's file.
func (f *Folder) newReplacement(s codec.SliverIndex) (*replacement, error) {
	name, err := os.CreateTemp(f.dir, repairPrefix+s.String()+"-*")
	if err != nil {
		return nil, fmt.Errorf("folder: repair %v: %w", s, err)
	}
	r := &replacement{f: f, sliver: s, buffer: newSliverBuffer(f.layout, s, 1), temp: name.Name()}
	// Temporary files are for the user alone, slivers for whoever may read the folder.
	if err := errChain(func() error { return name.Chmod(f.sliverMode()) }, name.Close); err != nil {
		os.Remove(r.temp)
		return nil, fmt.Errorf("folder: repair %v: %w", s, err)
	}
	if r.file, err = openFile(r.temp, os.O_WRONLY); err != nil {
		os.Remove(r.temp)
		return nil, fmt.Errorf("folder: repair %v: %w", s, err)
	}
	return r, nil
}

// sliverMode is the mode of the files of the folder, as its metadata has it.
func (f *Folder) sliverMode() os.FileMode {
	info, err := os.Stat(filepath.Join(f.dir, MetadataName(f.id)))
	if err != nil {
		return 0o644
	}
	return info.Mode().Perm() | 0o200
}

func errChain(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// WriteStripe implements [codec.Sink].
func (r *replacement) WriteStripe(_ context.Context, _ codec.SliverIndex, c codec.StripeIndex, root codec.Hash, data []byte) error {
	return r.buffer.add(r.writerAt(), c, root, data)
}

func (r *replacement) writerAt() io.WriterAt { return r.file }

// commit puts the sliver in its place.
func (r *replacement) commit() error {
	if err := errChain(func() error { return r.buffer.finish(r.file) }, r.file.Sync); err != nil {
		return fmt.Errorf("write it: %w", err)
	}
	err := r.file.Close()
	r.file = nil
	if err == nil {
		err = os.Rename(r.temp, r.f.path(r.sliver))
	}
	if err != nil {
		return fmt.Errorf("put it in its place: %w", err)
	}
	r.temp = ""
	return syncDir(r.f.dir)
}

// discard removes what was not committed.
func (r *replacement) discard() {
	if r.file != nil {
		r.file.Close()
	}
	if r.temp != "" {
		os.Remove(r.temp)
	}
}
