//go:build amd64 && !purego

#include "textflag.h"

// Offsets in type scratch.
#define scratch_prefix 0
#define scratch_full 16
#define scratch_tails 24
#define scratch_rest 32
#define scratch_lines 40
#define scratch_tail 128
#define scratch_lane 192

// Three independent SHA-256 computations, the lanes a, b and c, in one
// instruction stream. Registers:
//
//	        a       b        c
//	ABEF    X1      X3       X5       state in the order SHA256RNDS2 wants
//	CDGH    X2      X4       X6
//	words   X7-X9   X10-X12  X13-X15  rotating, see below
//	block   BX      DX       R12      where the next block is
//
//	X0   words plus constants, the implied operand of SHA256RNDS2
//	AX   the constants
//	CX   blocks left
//	R13  memory, aligned to 16 bytes: 64 for every lane, then 96 for the state
//
// Let M[i] be words 4i to 4i+3 of the message schedule. Step i (rounds 4i to
// 4i+3) uses M[i] and makes
//
//	M[i+1] = MSG2(MSG1(M[i-3], M[i-2]) + PALIGNR(M[i], M[i-1]), M[i])
//
// It finds M[i] and M[i-1] in two registers of the three a lane has, puts
// M[i+1] in the third, replaces M[i-1] by MSG1(M[i-1], M[i]), which nobody
// needs before step i+2, and moves that to memory, which frees its register.
// The names of the registers rotate: M[i] is in the i%3-th.
//
// Only SSE encodings are used, so there is nothing to VZEROUPPER. The tables
// are aligned to 16 bytes because their sizes are multiples of it.

// FOUR does four rounds of one lane.
#define FOUR(k, m, abef, cdgh) \
	MOVOA       k(AX), X0;      \
	PADDD       m, X0;          \
	SHA256RNDS2 X0, abef, cdgh; \
	PSHUFD      $0x0e, X0, X0;  \
	SHA256RNDS2 X0, cdgh, abef

// NEXT makes M[i+1] of M[i] = m, M[i-1] = m1 and what is in memory at in.
#define NEXT(in, m1, m, next) \
	MOVOA      m, next;      \
	PALIGNR    $4, m1, next; \
	PADDD      in(R13), next; \
	SHA256MSG2 m, next

// KEEP moves MSG1(M[i-1], M[i]) to memory at out.
#define KEEP(out, m1, m) \
	SHA256MSG1 m, m1;       \
	MOVOA      m1, out(R13)

// LOAD reads four words of a block.
#define LOAD(off, p, m) \
	MOVOU  off(p), m;      \
	PSHUFB flip<>(SB), m

// The kinds of steps. k is the offset of the constants, which is also that of
// the words in the block; in and out are offsets in the memory of a lane; then
// follow M[i-1], M[i] and M[i+1] of every lane.

// Steps 0 and 15: the words are there.
#define STEP0(k, a, b, c) \
	FOUR(k, a, X1, X2); \
	FOUR(k, b, X3, X4); \
	FOUR(k, c, X5, X6)

// Steps 1 and 2: the words come from the block.
#define STEP1(k, out, a1, a, b1, b, c1, c) \
	LOAD(k, BX, a);      \
	LOAD(k, DX, b);      \
	LOAD(k, R12, c);     \
	FOUR(k, a, X1, X2);  \
	KEEP(out, a1, a);    \
	FOUR(k, b, X3, X4);  \
	KEEP(out+64, b1, b); \
	FOUR(k, c, X5, X6);  \
	KEEP(out+128, c1, c)

// Steps 4 to 12, and 3 after LOAD.
#define STEP4(k, in, out, a1, a, an, b1, b, bn, c1, c, cn) \
	FOUR(k, a, X1, X2);      \
	NEXT(in, a1, a, an);     \
	KEEP(out, a1, a);        \
	FOUR(k, b, X3, X4);      \
	NEXT(in+64, b1, b, bn);  \
	KEEP(out+64, b1, b);     \
	FOUR(k, c, X5, X6);      \
	NEXT(in+128, c1, c, cn); \
	KEEP(out+128, c1, c)

// Steps 13 and 14: there is nothing to keep any more.
#define STEP13(k, in, a1, a, an, b1, b, bn, c1, c, cn) \
	FOUR(k, a, X1, X2);     \
	NEXT(in, a1, a, an);    \
	FOUR(k, b, X3, X4);     \
	NEXT(in+64, b1, b, bn); \
	FOUR(k, c, X5, X6);     \
	NEXT(in+128, c1, c, cn)

// BLOCK does the rounds of one block of every lane, whose first words are in
// X7, X10 and X13, and updates the state.
#define BLOCK \
	MOVOA X1, 192(R13); \
	MOVOA X2, 208(R13); \
	MOVOA X3, 224(R13); \
	MOVOA X4, 240(R13); \
	MOVOA X5, 256(R13); \
	MOVOA X6, 272(R13); \
	STEP0(0, X7, X10, X13);                                       \
	STEP1(16, 0, X7, X8, X10, X11, X13, X14);                     \
	STEP1(32, 16, X8, X9, X11, X12, X14, X15);                    \
	LOAD(48, BX, X7);                                             \
	LOAD(48, DX, X10);                                            \
	LOAD(48, R12, X13);                                           \
	STEP4(48, 0, 32, X9, X7, X8, X12, X10, X11, X15, X13, X14);   \
	STEP4(64, 16, 48, X7, X8, X9, X10, X11, X12, X13, X14, X15);  \
	STEP4(80, 32, 0, X8, X9, X7, X11, X12, X10, X14, X15, X13);   \
	STEP4(96, 48, 16, X9, X7, X8, X12, X10, X11, X15, X13, X14);  \
	STEP4(112, 0, 32, X7, X8, X9, X10, X11, X12, X13, X14, X15);  \
	STEP4(128, 16, 48, X8, X9, X7, X11, X12, X10, X14, X15, X13); \
	STEP4(144, 32, 0, X9, X7, X8, X12, X10, X11, X15, X13, X14);  \
	STEP4(160, 48, 16, X7, X8, X9, X10, X11, X12, X13, X14, X15); \
	STEP4(176, 0, 32, X8, X9, X7, X11, X12, X10, X14, X15, X13);  \
	STEP4(192, 16, 48, X9, X7, X8, X12, X10, X11, X15, X13, X14); \
	STEP13(208, 32, X7, X8, X9, X10, X11, X12, X13, X14, X15);    \
	STEP13(224, 48, X8, X9, X7, X11, X12, X10, X14, X15, X13);    \
	STEP0(240, X7, X10, X13);                                     \
	PADDD 192(R13), X1;                                           \
	PADDD 208(R13), X2;                                           \
	PADDD 224(R13), X3;                                           \
	PADDD 240(R13), X4;                                           \
	PADDD 256(R13), X5;                                           \
	PADDD 272(R13), X6

// INIT sets the initial state.
#define INIT \
	MOVOA iv<>+0(SB), X1;  \
	MOVOA iv<>+16(SB), X2; \
	MOVOA X1, X3;          \
	MOVOA X2, X4;          \
	MOVOA X1, X5;          \
	MOVOA X2, X6

// STORE writes the digest of a lane.
#define STORE(off, abef, cdgh) \
	PSHUFD  $0x1b, abef, X7; \
	PSHUFD  $0xb1, cdgh, X8; \
	MOVOA   X7, X9;          \
	PBLENDW $0xf0, X8, X7;   \
	PALIGNR $8, X9, X8;      \
	PSHUFB  flip<>(SB), X7;  \
	PSHUFB  flip<>(SB), X8;  \
	MOVOU   X7, off(DI);     \
	MOVOU   X8, off+16(DI)

// STORE3 writes the digests of all lanes and moves on behind them.
#define STORE3 \
	STORE(0, X1, X2);  \
	STORE(32, X3, X4); \
	STORE(64, X5, X6); \
	ADDQ $96, DI

// TAIL copies what the tail of a lane holds of its data, at most 63 bytes, in
// front of the padding. What is not of the tail lands in the slack.
#define TAIL(src, lane) \
	MOVOU -63(src), X7;                       \
	MOVOU -48(src), X8;                       \
	MOVOU -32(src), X9;                       \
	MOVOU -16(src), X10;                      \
	MOVOU X7, (lane*scratch_lane-63)(R12);    \
	MOVOU X8, (lane*scratch_lane-48)(R12);    \
	MOVOU X9, (lane*scratch_lane-32)(R12);    \
	MOVOU X10, (lane*scratch_lane-16)(R12)

// HEAD reads the first words of a lane: the prefix, which is in X8, and 15
// bytes of data at p+1.
#define HEAD(p, m) \
	MOVOU  1(p), m;           \
	PSHUFB flipfirst<>(SB), m; \
	POR    X8, m

// func long3(dst *[Size]byte, data *byte, groups, size, b, c, step int, s *scratch)
TEXT ·long3(SB), NOSPLIT, $304-64
	MOVQ dst+0(FP), DI
	MOVQ data+8(FP), SI
	MOVQ b+32(FP), R8
	MOVQ c+40(FP), R9
	MOVQ s+56(FP), R10
	LEAQ k256<>(SB), AX
	LEAQ memory-304(SP), R13
	ADDQ $15, R13
	ANDQ $~15, R13

group:
	// The tails come first so that they are written long before they are read.
	MOVQ scratch_rest(R10), R12
	LEAQ scratch_tail(R10)(R12*1), R12
	MOVQ size+24(FP), BX
	ADDQ SI, BX
	LEAQ (BX)(R8*1), DX
	LEAQ (BX)(R9*1), R11
	TAIL(BX, 0)
	TAIL(DX, 1)
	TAIL(R11, 2)

	// Ask for the beginning of the next group; the processor's own prefetching
	// does not find it if the stride is large.
	MOVQ step+48(FP), BX
	ADDQ SI, BX
	LEAQ (BX)(R8*1), DX
	LEAQ (BX)(R9*1), R12
	MOVQ scratch_lines(R10), CX

prefetch:
	PREFETCHT0 (BX)
	PREFETCHT0 (DX)
	PREFETCHT0 (R12)
	ADDQ       $64, BX
	ADDQ       $64, DX
	ADDQ       $64, R12
	DECQ       CX
	JNZ        prefetch

	INIT
	LEAQ  -1(SI), BX
	LEAQ  -1(SI)(R8*1), DX
	LEAQ  -1(SI)(R9*1), R12
	MOVOU scratch_prefix(R10), X8
	HEAD(BX, X7)
	HEAD(DX, X10)
	HEAD(R12, X13)
	MOVQ  scratch_full(R10), CX
	MOVQ  scratch_tails(R10), R11
	JMP   block

load:
	LOAD(0, BX, X7)
	LOAD(0, DX, X10)
	LOAD(0, R12, X13)

block:
	BLOCK
	ADDQ $64, BX
	ADDQ $64, DX
	ADDQ $64, R12
	DECQ CX
	JNZ  load

	// The blocks full of data are through, the tails follow.
	MOVQ  R11, CX
	XORL  R11, R11
	LEAQ  scratch_tail(R10), BX
	LEAQ  (scratch_tail+scratch_lane)(R10), DX
	LEAQ  (scratch_tail+2*scratch_lane)(R10), R12
	TESTQ CX, CX
	JNZ   load

	STORE3
	ADDQ step+48(FP), SI
	DECQ groups+16(FP)
	JNZ  group
	RET

// func short3(dst *[Size]byte, blocks *byte, groups, n int)
TEXT ·short3(SB), NOSPLIT, $304-32
	MOVQ dst+0(FP), DI
	MOVQ blocks+8(FP), BX
	MOVQ groups+16(FP), R9
	MOVQ n+24(FP), R8
	MOVQ R8, R10
	SHLQ $6, R10
	LEAQ k256<>(SB), AX
	LEAQ memory-304(SP), R13
	ADDQ $15, R13
	ANDQ $~15, R13

group:
	LEAQ (BX)(R10*1), DX
	LEAQ (BX)(R10*2), R12
	MOVQ R8, CX
	INIT

load:
	LOAD(0, BX, X7)
	LOAD(0, DX, X10)
	LOAD(0, R12, X13)
	BLOCK
	ADDQ $64, BX
	ADDQ $64, DX
	ADDQ $64, R12
	DECQ CX
	JNZ  load

	STORE3
	MOVQ R12, BX
	DECQ R9
	JNZ  group
	RET

// flip reverses the bytes of every word; flipfirst does so after shifting by
// one byte, leaving the place of the prefix zero.
DATA flip<>+0(SB)/8, $0x0405060700010203
DATA flip<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL flip<>(SB), RODATA|NOPTR, $16
DATA flipfirst<>+0(SB)/8, $0x0304050680000102
DATA flipfirst<>+8(SB)/8, $0x0b0c0d0e0708090a
GLOBL flipfirst<>(SB), RODATA|NOPTR, $16

// iv is the initial state as F E B A, H G D C.
DATA iv<>+0(SB)/8, $0x510e527f9b05688c
DATA iv<>+8(SB)/8, $0x6a09e667bb67ae85
DATA iv<>+16(SB)/8, $0x1f83d9ab5be0cd19
DATA iv<>+24(SB)/8, $0x3c6ef372a54ff53a
GLOBL iv<>(SB), RODATA|NOPTR, $32

DATA k256<>+0(SB)/8, $0x71374491428a2f98
DATA k256<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA k256<>+16(SB)/8, $0x59f111f13956c25b
DATA k256<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA k256<>+32(SB)/8, $0x12835b01d807aa98
DATA k256<>+40(SB)/8, $0x550c7dc3243185be
DATA k256<>+48(SB)/8, $0x80deb1fe72be5d74
DATA k256<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA k256<>+64(SB)/8, $0xefbe4786e49b69c1
DATA k256<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA k256<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA k256<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA k256<>+96(SB)/8, $0xa831c66d983e5152
DATA k256<>+104(SB)/8, $0xbf597fc7b00327c8
DATA k256<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA k256<>+120(SB)/8, $0x1429296706ca6351
DATA k256<>+128(SB)/8, $0x2e1b213827b70a85
DATA k256<>+136(SB)/8, $0x53380d134d2c6dfc
DATA k256<>+144(SB)/8, $0x766a0abb650a7354
DATA k256<>+152(SB)/8, $0x92722c8581c2c92e
DATA k256<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA k256<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA k256<>+176(SB)/8, $0xd6990624d192e819
DATA k256<>+184(SB)/8, $0x106aa070f40e3585
DATA k256<>+192(SB)/8, $0x1e376c0819a4c116
DATA k256<>+200(SB)/8, $0x34b0bcb52748774c
DATA k256<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA k256<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA k256<>+224(SB)/8, $0x78a5636f748f82ee
DATA k256<>+232(SB)/8, $0x8cc7020884c87814
DATA k256<>+240(SB)/8, $0xa4506ceb90befffa
DATA k256<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL k256<>(SB), RODATA|NOPTR, $256
