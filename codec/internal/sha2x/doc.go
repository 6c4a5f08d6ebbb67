// Package sha2x hashes many messages of equal length with SHA-256: the leaves
// and nodes of the Merkle trees over coded symbols, SHA-256(prefix || data).
//
// # Why
//
// crypto/sha256 hashes one message at a time. Every round of SHA-256 depends
// on the one before it, so with the SHA instructions of x86-64 it waits for
// the latency of SHA256RNDS2 (4 cycles for two rounds, 128 for a block) while
// the processor could do several times as much. Sum interleaves three
// independent messages in one instruction stream, which fill the gaps. It
// also saves the cost of a call, of copying and of padding per message, which
// for short messages is most of what crypto/sha256 takes.
//
// Two lanes were measured at 131 cycles for both blocks, still the latency.
// Three take 166. They seem to be bound by the dispatch of instructions:
// SHA256MSG2 alone blocks that for two cycles on the processor measured. So a
// fourth lane, for which there are no registers, was not tried.
//
// # Measured
//
// On one core of an AMD EPYC (Zen, 3.2 GHz), Go 1.26, nanoseconds per
// message:
//
//	                               crypto/sha256  sha-ni x3   gain
//	   2 bytes                               105       19.0    5.6
//	   6 bytes                               105       19.0    5.6
//	  64 bytes                               153       35.9    4.3
//	 256 bytes, a node of 8                  280       87.6    3.2
//	4096 bytes                              2773       1131    2.5
//	 256 bytes, stride 171 KiB               279       91.3    3.1
//	  64 bytes, a single message             163        141    1.2
//
// where crypto/sha256 is the implementation of this package for other
// machines: sha256.Sum256 of prefix and data copied to a buffer. Of data that
// needs no copy it takes 100 ns for 3 bytes, 268 ns for 257. BenchmarkSum measures
// both side by side.
//
// # Limits
//
// The gain needs three messages or more. A remainder of one or two costs as
// much as three (a single one of 512 bytes or more goes to crypto/sha256).
// The assembly needs the SHA, SSSE3 and SSE4.1 extensions; otherwise, on other
// architectures and with the build tag purego, crypto/sha256 does the work.
// The assembly cannot be preempted; a call of it takes on the order of 40 µs,
// unless a single group of three messages is longer than 128 KiB. The race
// detector does not see what it reads and writes.
//
// Nothing here depends on the content of the messages: neither branches nor
// addresses.
package sha2x
