package cli

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/folder"
)

// advise adds to an error what can be done about it, where that can be said.
func advise(err error) error {
	var few *codec.NotEnoughError
	hint := ""
	switch {
	case errors.As(err, &few):
		hint = stillNeeded(few)
	case errors.Is(err, folder.ErrExists):
		hint = "give another --out, or remove what is there"
	case errors.Is(err, folder.ErrManyBlobs):
		hint = "choose one with --id"
	case errors.Is(err, folder.ErrNoMetadata):
		hint = "copy the file from whoever else holds slivers of this blob, or encode the blob again: it can't be made from slivers"
	case errors.Is(err, codec.ErrMetadata):
		hint = "put a good copy of the metadata there; without it no sliver can be checked"
	case errors.Is(err, codec.ErrInconsistent), errors.Is(err, codec.ErrPadding):
		hint = "whoever wrote this blob encoded it wrongly, on purpose or by a bug; no set of slivers can be trusted to give what was meant"
	case errors.Is(err, syscall.ENOSPC):
		hint = "free some space, or write to another disk"
	case errors.Is(err, folder.ErrMachine):
		hint = "the slivers are not to blame: allow more open files (ulimit -n), or end other programs, and try again"
	case errors.Is(err, folder.ErrUnreadable):
		hint = "get the permission to read these files and repair again; they may be good, so they were left as they are"
	case errors.Is(err, folder.ErrInUse):
		hint = "give an --out that doesn't exist yet"
	}
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w\n  → %s", err, hint)
}

// stillNeeded says what would have to be found for a blob that can't be decoded.
func stillNeeded(e *codec.NotEnoughError) string {
	p, s := max(0, e.Grid.Rows()-e.Primaries), max(0, e.Grid.Cols()-e.Secondaries)
	return fmt.Sprintf("find %s or %s that are good, and put them into the folder", count(p, "more primary sliver"), count(s, "more secondary sliver"))
}
