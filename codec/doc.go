// Package codec cuts blobs into a two-dimensional erasure-coded grid (RedStuff) and puts them together again.
//
// A blob is cut into stripes. Each stripe is a grid of symbols, rows×cols of them from the blob, expanded to n×n by
// Reed-Solomon codes along rows and columns ([Grid], [Layout]; package rs). Row i over all stripes is primary sliver i, column
// j is secondary sliver j. [Encode] makes all 2n slivers and the [Metadata], whose KZG commitment (package kzg) to
// the slivers' Merkle roots gives the [BlobID]. Any n−2f primaries or n−f secondaries give the blob back
// ([Decoder]); any n−f symbols of secondaries give back a primary and any n−2f of primaries a secondary, without
// the blob ([Recover], [RecoverPair]). A sliver is proven to belong to a blob by 48 bytes ([Opener], [VerifyOpenings]), a symbol by a
// Merkle path ([SymbolProof]), and a writer that committed to anything else than an encoding is convicted by an inconsistency proof
// ([BuildInconsistency], [VerifyInconsistency]).
//
// Everything works stripe by stripe in memory for a few stripes, whatever the size of the blob, and keeps all cores
// busy ([Options]). Byte formats, hashes and the order of recovery follow design/codec.md, which is binding.
//
// The package reads and writes no files (package folder does), opens no connections, logs nothing, and imports no
// other part of Selvage. Bytes from outside become values through a Parse function, a verifier or a decoder, and bad
// ones an error that wraps one of the package's sentinels and says what and where; they never panic. Types that
// may be used from several goroutines say so.
package codec
