// Package kzg commits to a vector of scalars in 48 bytes and proves single values of it in 48 bytes each: KZG polynomial
// commitments over BLS12-381, under the setup of the Ethereum KZG ceremony.
//
// It follows the section "KZG commitment to the slivers" of Selvage's codec specification. A vector of 8 to 4096 values
// is the polynomial p of degree less than N, the smallest power of two no less than the vector's size, with
// p(ω^i) = value i and p = 0 at the remaining powers of ω, where ω = 7^((r−1)/N). The commitment is C = [p(τ)]₁. The
// proof for position i is π = [(p(τ) − y)/(τ − z)]₁ with z = ω^i and y = p(z), and it holds when
//
//	e(C − [y]₁ + z·π, [1]₂) = e(π, [τ]₂).
//
// The scheme is that of Kate, Zaverucha and Goldberg (https://www.iacr.org/archive/asiacrypt2010/6477178/6477178.pdf);
// setup and encodings are those of EIP-4844 (https://eips.ethereum.org/EIPS/eip-4844), so any of its libraries can
// recompute what is computed here, as go-eth-kzg does in the tests. EIP-4844's blobs, challenges and bit-reversed order
// play no part. testdata/vectors.json is for other implementations to check themselves against.
//
// # What it does not do
//
// It doesn't know slivers, shards or blobs: package codec makes scalars out of sliver roots. Commitments hide nothing:
// whoever guesses a vector can check the guess. They don't bind the vector's size either, see [Opening]. Operations take
// time that depends on the values, which are public.
//
// # Trust
//
// Proofs can be forged by whoever knows τ, the secret of the ceremony, and τ is unknown to everybody as long as one of
// its participants was honest. Apart from that, proofs are as hard to forge as BLS12-381 allows, about 120 bits. The
// setup is embedded, its digest pinned in the source and compared when it is loaded; setup/README.md says where it is
// from and how to check it. Curve arithmetic, pairings and the parsing of points are gnark-crypto's.
//
// # Use
//
// Bytes from outside become a [Commitment], [Proof] or [Scalar] by the Parse functions, which accept one encoding of
// every element and nothing else. [Opening.Verify] and [BatchVerify] check all fields again and are safe on any input.
// All functions and methods may be called concurrently, and use all cores for large inputs; none keeps a slice that it
// was given. Errors wrap the sentinels of this package.
//
// # Costs
//
// Measured on 2 cores of an AMD EPYC by `go test -bench . -run '^$' ./codec/kzg`, in milliseconds:
//
//	values (2n)                          20     200    2000
//	Commit                              0.7     3.1    17.1
//	Open                                0.8     3.1    16.8
//	Verify                              1.0     1.0     1.0
//	BatchVerify, 64 of one vector       4.8     4.9     5.0
//	BatchVerify, 64 of 64 vectors       7.6     7.6     7.6
//	  … and one of them is bad           20      20      20
//	  … and all of them are bad          62      62      62
//
// Loading the setup takes 1 ms, once, and half a megabyte of memory. Opening every position of a vector takes as many
// times Open: there is no shortcut here for all of them at once.
package kzg
