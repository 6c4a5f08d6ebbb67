package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/selvage-network/selvage/codec/folder"
)

// outputFile is a file that gets its name only when it is whole.
type outputFile struct {
	*os.File
	path  string
	force bool
	temp  string // "" once it has its name
}

// createOutput begins a file. An existing one is refused, without force.
func createOutput(path string, force bool) (*outputFile, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("write %s: %w", path, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s exists and is not a regular file; give another --out, or write to stdout with --out - and redirect it", path)
	case !force:
		return nil, fmt.Errorf("%s exists; give --force to overwrite it, or another --out", path)
	}
	o := &outputFile{path: path, force: force}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".part-"+rand.Text()[:10])
	if o.File, err = os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	o.temp = temp
	return o, nil
}

// commit gives the file its name.
func (o *outputFile) commit() error {
	err := o.Sync()
	if e := o.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	if err := o.rename(); err != nil {
		if !o.force && errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s has come to exist; give --force to overwrite it, or another --out", o.path)
		}
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	if err := folder.SyncDir(filepath.Dir(o.path)); err != nil {
		return fmt.Errorf("write %s: make its name last: %w", o.path, err)
	}
	return nil
}

// link makes a hard link; tests put one in its place that has none.
var link = os.Link

// rename gives the file its name. Without force it never replaces a file that somebody has made meanwhile, and the
// error wraps [fs.ErrExist].
func (o *outputFile) rename() error {
	if !o.force {
		err := link(o.temp, o.path)
		if err == nil {
			err = os.Remove(o.temp)
			o.temp = ""
			return err
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		// The file system has no links. An empty file takes the name, if it is free, and is then replaced.
		f, err := os.OpenFile(o.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			os.Remove(o.path)
			return err
		}
	}
	if err := os.Rename(o.temp, o.path); err != nil {
		if !o.force {
			os.Remove(o.path)
		}
		return err
	}
	o.temp = ""
	return nil
}

// discard removes the temporary name, and with it a file that was not committed.
func (o *outputFile) discard() {
	o.Close()
	if o.temp != "" {
		os.Remove(o.temp)
	}
}
