package folder

import (
	"strings"

	"github.com/selvage-network/selvage/codec"
)

const (
	sliverSuffix   = ".sliver"
	metadataPrefix = "blob-"
	metadataSuffix = ".metadata"
	repairPrefix   = ".repair-" // of temporary files
)

// SliverName is the name of a sliver's file, such as "primary-0007.sliver".
func SliverName(s codec.SliverIndex) string { return s.String() + sliverSuffix }

// MetadataName is the name of the file with a blob's metadata.
func MetadataName(id codec.BlobID) string { return metadataPrefix + id.String() + metadataSuffix }

// kind says what a file's name announces.
type kind uint8

const (
	kindOther kind = iota
	kindSliver
	kindMetadata
	kindLeftover // of a repair that was killed
)

// name is a file's name, parsed.
type name struct {
	kind   kind
	sliver codec.SliverIndex // of kindSliver; its index may be one that the blob doesn't have
	id     codec.BlobID      // of kindMetadata
}

// parseName accepts exactly the names that [SliverName] and [MetadataName] give.
func parseName(file string) name {
	if base, ok := strings.CutSuffix(file, sliverSuffix); ok {
		if s, err := codec.ParseSliverIndex(base); err == nil {
			return name{kind: kindSliver, sliver: s}
		}
	}
	if base, ok := strings.CutSuffix(file, metadataSuffix); ok {
		if base, ok = strings.CutPrefix(base, metadataPrefix); ok {
			if id, err := codec.ParseBlobID(base); err == nil {
				return name{kind: kindMetadata, id: id}
			}
		}
	}
	if strings.HasPrefix(file, repairPrefix) {
		return name{kind: kindLeftover}
	}
	return name{}
}
