// Package folder keeps the slivers of one blob in a local folder, as package codec makes and reads them.
//
// A folder holds up to 2n files `primary-0007.sliver` and `secondary-0007.sliver`, each exactly a sliver in its
// stored form, stripe roots ‖ stripes, and the blob's metadata as `blob-<blob ID>.metadata`, in the binary form
// of [codec.Metadata]. The name carries the ID that the content is checked against, behind a prefix because an ID
// may begin with a dash. Byte formats follow design/codec.md; the names are this package's own.
//
// [Encode] makes a folder, or [Create] a [Writer] to be used as a [codec.Sink]: the folder gets its name only when
// everything in it is whole and on disk. [Open] reads one, [Folder.Check] verifies every sliver, [Folder.Decoder]
// gives the blob back from what is there, and [Folder.Repair] makes missing and corrupt slivers anew: from symbols
// of good ones, as nodes of the network do, or, where these don't suffice or it is asked for, by decoding the blob.
//
// The package doesn't know nodes, shards or certificates, logs nothing, and depends on package codec only. It keeps
// at most [maxOpen] descriptors open for reading and as many for writing, fewer where the system has no more, and its
// memory doesn't grow with the blob.
package folder
