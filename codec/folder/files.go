package folder

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// maxOpen bounds the descriptors that a folder keeps open, for reading and for writing.
const maxOpen = 256

// openRead opens a file for reading; tests put a failing one in its place.
var openRead = os.Open

// files keeps the first descriptors open that it is asked for, and opens the rest anew for each use. Slivers are
// read round and round, so a cache that replaced the least recently used one would never hit. When the system runs
// out of descriptors, it gives idle ones back and keeps fewer from then on.
type files struct {
	mu      sync.Mutex
	kept    map[string]*handle // by path
	opening int                // files on their way into kept
	most    int                // files to keep
}

// handle is an open file.
type handle struct {
	*os.File
	refs      int
	transient bool // closed when nobody uses it any more
}

func newFiles() *files { return &files{kept: make(map[string]*handle), most: maxOpen} }

// acquire returns an open file, to be given back with release.
func (p *files) acquire(path string, open func(path string) (*os.File, error)) (*handle, error) {
	p.mu.Lock()
	if h := p.kept[path]; h != nil {
		h.refs++
		p.mu.Unlock()
		return h, nil
	}
	keep := len(p.kept)+p.opening < p.most
	if keep {
		p.opening++
	}
	p.mu.Unlock()

	var f *os.File
	err := retryShort(func() (err error) {
		f, err = open(path)
		return err
	}, p.evict)

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
	keep = keep && len(p.kept) < p.most // may be fewer by now
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
	if h := p.kept[path]; h != nil {
		p.drop(path, h)
	}
}

// drop takes a file off the kept ones, and closes it when nobody uses it any more. p.mu is held.
func (p *files) drop(path string, h *handle) {
	delete(p.kept, path)
	if h.transient = true; h.refs == 0 {
		h.Close()
	}
}

// evict gives the descriptors of all idle files back, and keeps at most half as many from now on.
func (p *files) evict() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = min(p.most, len(p.kept)/2)
	for path, h := range p.kept {
		if h.refs == 0 {
			p.drop(path, h)
		}
	}
}

// close lets go of all files.
func (p *files) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for path, h := range p.kept {
		p.drop(path, h)
	}
}

// longestPause is the last of the pauses of retryShort; tests have less patience.
var longestPause = 64 * time.Millisecond

// retryShort opens something. While the system has no descriptor left for it, idle files are closed and it is tried
// again, a few times: what one goroutine gives back another may take, and other programs end. When that doesn't
// help the error wraps [ErrMachine].
func retryShort(open func() error, evict ...func()) error {
	for pause := time.Millisecond; ; pause *= 2 {
		err := open()
		if !isShort(err) || pause > longestPause {
			return blameMachine(err)
		}
		for _, e := range evict {
			e()
		}
		time.Sleep(pause)
	}
}

// isShort reports whether descriptors have run out, those of the process or of the whole machine.
func isShort(err error) bool { return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) }

// blameMachine marks errors that say nothing about the file that was asked for.
func blameMachine(err error) error {
	if err != nil && (isShort(err) || errors.Is(err, syscall.ENOMEM)) && !errors.Is(err, ErrMachine) {
		return fmt.Errorf("%w: %w", ErrMachine, err)
	}
	return err
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
	f, err := openRead(path)
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

// SyncDir makes the names in a folder last: after it returned, a crash can't undo a renaming. File systems that
// don't know how are left alone.
func SyncDir(path string) error {
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
