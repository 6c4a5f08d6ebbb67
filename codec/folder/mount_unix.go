//go:build unix

package folder

import (
	"os"
	"path/filepath"
	"syscall"
)

// isMountPoint reports whether a folder, whose path has no links, is on another device than the one it is in.
func isMountPoint(dir string, info os.FileInfo) bool {
	parent, err := os.Lstat(filepath.Dir(dir))
	if err != nil {
		return false
	}
	if os.SameFile(parent, info) { // the root
		return true
	}
	a, ok := info.Sys().(*syscall.Stat_t)
	b, ok2 := parent.Sys().(*syscall.Stat_t)
	return ok && ok2 && a.Dev != b.Dev
}
