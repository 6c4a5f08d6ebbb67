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
//	Commit                              @C10@   @C100@   @C1000@
//	Open                                @O10@   @O100@   @O1000@
//	Verify                              @V10@   @V100@   @V1000@
//	BatchVerify, 64 of one vector       @S10@   @S100@   @S1000@
//	BatchVerify, 64 of 64 vectors       @M10@   @M100@   @M1000@
//	  … and one of them is bad          @B10@   @B100@   @B1000@
//
// Loading the setup takes @SETUP@ ms, once, and 0.6 MB of memory. Verification takes the same time for any size of vector.
package kzg
