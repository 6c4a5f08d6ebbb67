package folder

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"github.com/selvage-network/selvage/codec"
)

// neighbours are the good slivers of one axis, as the sources of one recovery. They come in ascending order, the
// systematic ones first, since symbols of these need no computing. Whether symbols are stored in the slivers or
// computed by extending them is the same for all of them: it depends on the target's index only.
type neighbours struct {
	all   []codec.SymbolSource
	files []*Source
}

// sources returns the good slivers of an axis.
func (r *repair) sources(a codec.Axis) (*neighbours, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := new(neighbours)
	for _, s := range r.status.Slivers {
		if s.Sliver.Axis == a && s.State == Good {
			src := &Source{layout: r.layout, sliver: s.Sliver, path: r.path(s.Sliver), files: r.files}
			symbols, err := codec.NewSymbolSource(r.layout, src, nil)
			if err != nil {
				return nil, err
			}
			n.files = append(n.files, src)
			n.all = append(n.all, symbols)
		}
	}
	return n, nil
}

func (n *neighbours) bytesRead() int64 {
	sum := int64(0)
	for _, src := range n.files {
		sum += src.BytesRead()
	}
	return sum
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
	r := &replacement{f: f, sliver: s, buffer: newSliverBuffer(f.layout, s, 1)}
	path := filepath.Join(f.dir, repairPrefix+s.String()+"-"+rand.Text()[:10])
	var err error
	if r.file, err = openFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL); err != nil {
		return nil, fmt.Errorf("folder: repair %v: %w", s, err)
	}
	r.temp = path
	return r, nil
}

// WriteStripe implements [codec.Sink].
func (r *replacement) WriteStripe(_ context.Context, _ codec.SliverIndex, c codec.StripeIndex, root codec.Hash, data []byte) error {
	return r.buffer.add(r.file, c, root, data)
}

// commit puts the sliver in its place.
func (r *replacement) commit() error {
	err := r.buffer.finish(r.file)
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write it: %w", err)
	}
	err = r.file.Close()
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
