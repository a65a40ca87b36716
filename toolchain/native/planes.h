/* Bit planes: plane i holds bit i of the count of every lane, one lane to a bit. Rows of bits are added for all lanes at once. */
#ifndef SNNC_PLANES_H
#define SNNC_PLANES_H

#include <string.h>

#include "vectors.h"

enum { LEVEL = 5, MAXPLANES = 32 + 2 * LEVEL }; /* a 32-bit count can need 32; levels write five at a time */

/* sum += a + b on one plane; the carry belongs to the next plane. */
INLINE vq csa(vq *sum, vq a, vq b) { vq carry = majority(*sum, a, b); *sum ^= a ^ b; return carry; }

/* Row i of a list: at an offset from w, or simply the i-th from w where there are no offsets. */
INLINE vq row(const char *w, const uint32_t *o, size_t i) {
    vq x = *(const vq_any *)(w + (o ? o[i] : i * VB));
#if VB == 64
    __asm__("" : "+v"(x)); /* in a register: GCC 12 would load it once for the sum and once for the carry */
#endif
    return x;
}

/* Add so many rows, from row i on, to the planes s; return the carry. `invert` is 0, or all ones for rows whose bits are turned. */
INLINE vq add2(const char *w, const uint32_t *o, size_t i, const uint64_t invert, vq *s) {
    const vq a = row(w, o, i), b = row(w, o, i + 1), carry = invert ? majority_not(*s, a, b) : majority(*s, a, b);
    *s ^= a ^ b;
    return carry;
}
INLINE vq add4(const char *w, const uint32_t *o, size_t i, const uint64_t invert, vq *s) {
    const vq a = add2(w, o, i, invert, s), b = add2(w, o, i + 2, invert, s);
    return csa(s + 1, a, b);
}
INLINE vq add8(const char *w, const uint32_t *o, size_t i, const uint64_t invert, vq *s) {
    const vq a = add4(w, o, i, invert, s), b = add4(w, o, i + 4, invert, s);
    return csa(s + 2, a, b);
}
INLINE vq add16(const char *w, const uint32_t *o, size_t i, const uint64_t invert, vq *s) {
    const vq a = add8(w, o, i, invert, s), b = add8(w, o, i + 8, invert, s);
    return csa(s + 3, a, b);
}

/* Transpose 8 planes: afterwards byte i of t[r] holds what was bit r of byte i, over the planes. */
INLINE void exchange(vq *a, vq *b, int shift, uint64_t low) {
    const vq mask = (vq){0} + low, x = *a, y = *b;
    *a = select_bits(mask, x, y << shift);
    *b = select_bits(mask, x >> shift, y);
}
INLINE void transpose8(const vq *plane, vq *t) {
    for (int i = 0; i < 8; i++) t[i] = plane[i];
    for (int i = 0; i < 4; i++) exchange(t + i, t + i + 4, 4, 0x0F0F0F0F0F0F0F0Full);
    for (int i = 0; i < 8; i++) if (!(i & 2)) exchange(t + i, t + i + 2, 2, 0x3333333333333333ull);
    for (int i = 0; i < 8; i += 2) exchange(t + i, t + i + 1, 1, 0x5555555555555555ull);
}

#endif
