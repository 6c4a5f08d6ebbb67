package folder

import (
	"errors"
	"fmt"
	"strings"

	"github.com/selvage-network/selvage/codec"
)

// Sentinel errors, to be asked for with errors.Is. What is wrong with slivers and metadata themselves is told by
// the sentinels of package codec.
var (
	// ErrExists: slivers were to be written to a name that is taken.
	ErrExists = errors.New("folder: the target exists and is not an empty folder")
	// ErrNoMetadata: the folder lacks the metadata, without which no sliver can be checked. Nothing can recreate it
	// but the blob or somebody else's copy.
	ErrNoMetadata = errors.New("folder: the blob's metadata is missing")
	// ErrManyBlobs: the folder has the metadata of several blobs and none was asked for.
	ErrManyBlobs = errors.New("folder: metadata of several blobs")
	// ErrNotRegular: something that is no regular file has the name of a sliver or of metadata.
	ErrNotRegular = errors.New("folder: not a regular file")
	// ErrInUse: an empty folder can't be replaced by one with slivers: something is mounted on it, or it is the
	// current one.
	ErrInUse = errors.New("folder: the target can't be replaced")
	// ErrUnreadable: a sliver's file may not be read by this user. It may be good, so it is not replaced.
	ErrUnreadable = errors.New("folder: no permission to read")
	// ErrMachine: the machine has no descriptors or no memory left. That says nothing about any sliver.
	ErrMachine = errors.New("folder: the machine has run out of file descriptors or memory")
	// ErrIncomplete: a folder was to be finished without all stripes of all slivers.
	ErrIncomplete = errors.New("folder: slivers are not complete")
)

// ManyBlobsError lists the blobs whose metadata a folder has. It wraps [ErrManyBlobs].
type ManyBlobsError struct {
	Dir string
	IDs []codec.BlobID
}

func (e *ManyBlobsError) Error() string {
	ids := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		ids[i] = id.String()
	}
	return fmt.Sprintf("%v in %s, say which one is meant: %s", ErrManyBlobs, e.Dir, strings.Join(ids, ", "))
}

func (e *ManyBlobsError) Unwrap() error { return ErrManyBlobs }

// RepairError is the end of a repair that could not make every sliver good. It wraps the [*codec.NotEnoughError] or
// the failures that explain why.
type RepairError struct {
	// Left are the slivers that are still missing or corrupt.
	Left []Status
	Err  error
}

func (e *RepairError) Error() string {
	return fmt.Sprintf("folder: %d slivers could not be repaired: %v", len(e.Left), e.Err)
}

func (e *RepairError) Unwrap() error { return e.Err }
