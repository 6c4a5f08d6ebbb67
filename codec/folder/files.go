package folder

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// maxOpen bounds the descriptors that a folder keeps open, for reading and for writing.
const maxOpen = 256

// files keeps the first descriptors open that it is asked for, and opens the rest anew for each use. Slivers are
// read round and round, so a cache that replaced the least recently used one would never hit.
type files struct {
	mu      sync.Mutex
	kept    map[string]*handle // by path
	opening int                // files on their way into kept
}

// handle is an open file.
type handle struct {
	*os.File
	refs      int
	transient bool // closed when nobody uses it any more
}

func newFiles() *files { return &files{kept: make(map[string]*handle)} }

// acquire returns an open file, to be given back with release.
func (p *files) acquire(path string, open func(path string) (*os.File, error)) (*handle, error) {
	p.mu.Lock()
	if h := p.kept[path]; h != nil {
		h.refs++
		p.mu.Unlock()
		return h, nil
	}
	keep := len(p.kept)+p.opening < maxOpen
	if keep {
		p.opening++
	}
	p.mu.Unlock()

	f, err := open(path)

	p.mu.Lock()
	defer p.mu.Unlock()
	if keep {
		p.opening--
	}
	if err != nil {
		return nil, err
	}
	if h := p.kept[path]; h != nil { // somebody else was faster
		f.Close()
		h.refs++
		return h, nil
	}
	h := &handle{File: f, refs: 1, transient: !keep}
	if keep {
		p.kept[path] = h
	}
	return h, nil
}

func (p *files) release(h *handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.refs--; h.refs == 0 && h.transient {
		h.Close()
	}
}

// forget lets go of a file that was replaced.
func (p *files) forget(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.kept[path]
	if h == nil {
		return
	}
	delete(p.kept, path)
	if h.transient = true; h.refs == 0 {
		h.Close()
	}
}

// close lets go of all files.
func (p *files) close() {
	p.mu.Lock()
	paths := make([]string, 0, len(p.kept))
	for path := range p.kept {
		paths = append(paths, path)
	}
	p.mu.Unlock()
	for _, path := range paths {
		p.forget(path)
	}
}

// openRegular opens a regular file for reading. Links are refused: a sliver that is a link to another one is no
// redundancy, and opening a pipe would wait for ever.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%w: %s is a %s", ErrNotRegular, path, describeMode(info.Mode()))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func describeMode(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&os.ModeSymlink != 0:
		return "symbolic link"
	case m&os.ModeNamedPipe != 0:
		return "named pipe"
	}
	return "special file (" + m.Type().String() + ")"
}

// syncDir makes names in a folder last. File systems that don't know how are left alone.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
