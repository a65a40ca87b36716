/* Vectors of VB bytes, and the few operations on them that compilers do not find by themselves.

   The same sources are compiled once per instruction set: VB follows from the target flags, and one block is 4*VB output
   channels. Everything is written with GCC's vector extensions, which clang knows too; where no intrinsic exists the plain
   operators give the same bits. */
#ifndef SNNC_VECTORS_H
#define SNNC_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#ifndef VB
#  if defined(__AVX512F__) && defined(__AVX512BW__)
#    define VB 64
#  elif defined(__AVX2__)
#    define VB 32
#  else
#    define VB 16 /* SSE2, NEON, or whatever the compiler makes of it */
#  endif
#endif
#if defined(__SSE2__)
#  include <immintrin.h>
#endif

enum { LANES = VB / 4, GROUPS = 16, BLOCK = GROUPS * LANES, WORDS = BLOCK / 64, WORD_GROUPS = 64 / LANES };

typedef uint64_t vq __attribute__((vector_size(VB)));
typedef uint16_t vh __attribute__((vector_size(VB)));
typedef int32_t vi __attribute__((vector_size(VB)));
typedef uint32_t vu __attribute__((vector_size(VB)));
typedef uint64_t vq_any __attribute__((vector_size(VB), aligned(8), may_alias)); /* unaligned */
typedef int32_t int32_any __attribute__((may_alias, aligned(1)));
typedef int32_t vi_any __attribute__((vector_size(VB), aligned(4), may_alias));
typedef uint32_t vu_any __attribute__((vector_size(VB), aligned(4), may_alias));

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns") /* no calls of memset for a few vectors of zeros */
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE vi splat(int32_t x) { return (vi){0} + x; }

/* majority:     the carry of three one-bit numbers; majority_not: of a and the inverses of b and c.
   select_bits:  a where the mask is 1, else b.
   mul16:        int32 lanes of a, each within 16 bits, times b. One multiply-add of 16-bit pairs (the upper half of b is 0)
                 is half the price of a 32-bit multiply, which SSE2 does not even have.
   clamp:        lanes clipped to [-limit, limit].
   add_where:    x plus y in the lanes whose bits are set.
   widen:        signed bytes as int32 lanes, eight from each address (four where there are but four lanes).
   fire:         lanes above the threshold are reset to 0 and reported as bits. */
#if VB == 64
/* GCC 12 and clang 14 spend two or three instructions on these instead of one vpternlog. */
INLINE vq majority(vq a, vq b, vq c) { return (vq)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0xE8); }
INLINE vq majority_not(vq a, vq b, vq c) { return (vq)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x71); }
INLINE vq select_bits(vq m, vq a, vq b) { return (vq)_mm512_ternarylogic_epi64((__m512i)m, (__m512i)a, (__m512i)b, 0xCA); }
INLINE vi mul16(vi a, int16_t b) { return (vi)_mm512_madd_epi16((__m512i)a, _mm512_set1_epi32((uint16_t)b)); }
INLINE vi clamp(vi x, vi limit) {
    return (vi)_mm512_max_epi32(_mm512_min_epi32((__m512i)x, (__m512i)limit), (__m512i)-limit);
}
INLINE vi add_where(vi x, vi y, uint32_t bits) {
    return (vi)_mm512_mask_add_epi32((__m512i)x, (__mmask16)bits, (__m512i)x, (__m512i)y);
}
INLINE vi widen(const void *a, const void *b) { /* GCC 12 takes such a conversion apart, lane by lane */
    return (vi)_mm512_cvtepi8_epi32(_mm_unpacklo_epi64(_mm_loadl_epi64(a), _mm_loadl_epi64(b)));
}
INLINE uint32_t fire(vi *v, vi threshold) {
    __mmask16 fired = _mm512_cmpgt_epi32_mask((__m512i)*v, (__m512i)threshold);
    *v = (vi)_mm512_mask_mov_epi32((__m512i)*v, fired, _mm512_setzero_si512());
    return fired;
}
#else
INLINE vq majority(vq a, vq b, vq c) { return (a & b) | (c & (a | b)); }
INLINE vq majority_not(vq a, vq b, vq c) { return majority(a, ~b, ~c); }
INLINE vq select_bits(vq m, vq a, vq b) { return b ^ (m & (a ^ b)); }
INLINE vi least(vi a, vi b) { vi m = a < b; return (a & m) | (b & ~m); }
INLINE vi clamp(vi x, vi limit) { x = least(x, limit); return -least(-x, limit); }
INLINE vi add_where(vi x, vi y, uint32_t bits) {
#  if VB == 32
    const vi lane = {1, 2, 4, 8, 16, 32, 64, 128};
#  else
    const vi lane = {1, 2, 4, 8};
#  endif
    return x + (y & ((splat((int32_t)bits) & lane) != 0));
}
#  if VB == 32
INLINE vi mul16(vi a, int16_t b) { return (vi)_mm256_madd_epi16((__m256i)a, _mm256_set1_epi32((uint16_t)b)); }
INLINE vi widen(const void *a) { return (vi)_mm256_cvtepi8_epi32(_mm_loadl_epi64(a)); }
INLINE uint32_t mask_bits(vi m) { return (uint32_t)_mm256_movemask_ps((__m256)m); }
#  elif defined(__SSE2__)
INLINE vi mul16(vi a, int16_t b) { return (vi)_mm_madd_epi16((__m128i)a, _mm_set1_epi32((uint16_t)b)); }
INLINE vi widen(const void *a) { /* each byte comes to the top of its lane */
    const __m128i zero = _mm_setzero_si128();
    const __m128i bytes = _mm_unpacklo_epi8(zero, _mm_cvtsi32_si128(*(const int32_any *)a));
    return (vi)_mm_unpacklo_epi16(zero, bytes) >> 24;
}
INLINE uint32_t mask_bits(vi m) { return (uint32_t)_mm_movemask_ps((__m128)m); }
#  else
INLINE vi mul16(vi a, int16_t b) { return a * b; }
INLINE vi widen(const void *a) {
    const int8_t *bytes = a;
    return (vi){bytes[0], bytes[1], bytes[2], bytes[3]};
}
INLINE uint32_t mask_bits(vi m) {
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) bits |= (uint32_t)(m[lane] & 1) << lane;
    return bits;
}
#  endif
INLINE uint32_t fire(vi *v, vi threshold) { vi m = *v > threshold; *v &= ~m; return mask_bits(m); }
#endif

#endif
