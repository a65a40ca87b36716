/* One layer as the kernels see it, and its neurons. */
#ifndef SNNC_LAYER_H
#define SNNC_LAYER_H

#include "vectors.h"

/* A convolution over a grid of `h` x `w` pixels, made from `hin` x `win` by pool x pool sums; a dense layer is the 1x1 case.
   Mirrors Geometry in library.py. */
typedef struct {
    int32_t steps, hin, win, channels;
    int32_t pool, h, w;
    int32_t kh, kw, stride_y, stride_x, pad_y, pad_x, ho, wo;
    int32_t cout, keep, vth; /* keep = 4096 - dv */
} Layer;

/* Where results go; each may be NULL.
   spikes     [images][steps][ho*wo*ceil(cout/64)] words
   membranes  [images][steps][ho*wo*blocks*BLOCK] after reset
   sums       the same shape: the synaptic input itself */
typedef struct {
    uint64_t *spikes;
    int32_t *membranes, *sums;
} Results;

INLINE int layer_words(const Layer *g) { return (g->cout + 63) / 64; }
INLINE int layer_blocks(const Layer *g) { return (g->cout + BLOCK - 1) / BLOCK; }

/* One step of toolchain/lif.py for the first `groups` groups of a block, without current memory (du = 4095) and with
   |input| <= 131071, so that the current neither remembers nor wraps:
   v <- trunc(v * keep / 4096) + 64 * input + bias, clipped; spike and reset above the threshold.
   v is split as 4096 * high + low so that products stay in 32 bits; adding 4095 to a negative numerator turns the floor of
   the shift into truncation toward zero. */
INLINE void lif(int groups, const vi *input, vi *v, const vi *bias, int16_t keep, int32_t vth, uint64_t *word) {
    const vi threshold = splat(vth * 64), limit = splat((1 << 23) - 1);
    for (int i = 0; i < WORDS; i++) word[i] = 0;
    for (int i = 0; i < groups; i++) {
        vi x = v[i], fraction = mul16(x & 4095, keep) + ((x >> 31) & 4095);
        vi s = clamp(mul16(x >> 12, keep) + (fraction >> 12) + (input[i] << 6) + bias[i], limit);
        word[i * LANES / 64] |= (uint64_t)fire(&s, threshold) << (i * LANES % 64);
        v[i] = s;
    }
}

/* Advance the neurons of one block at one pixel and step, and store what was asked for. `step` counts over images. */
INLINE void advance(const Layer *g, const Results *out, int64_t step, int pixel, int block, const vi *input, vi *v, const vi *bias) {
    const int words = layer_words(g), mine = words - block * WORDS < WORDS ? words - block * WORDS : WORDS;
    const int64_t at = step * g->ho * g->wo + pixel, first = (at * layer_blocks(g) + block) * BLOCK;
    uint64_t word[WORDS];
    if (out->sums) __builtin_memcpy(out->sums + first, input, sizeof(vi) * GROUPS);
    if (!out->spikes && !out->membranes) return;
    lif(mine * 64 / LANES, input, v, bias + block * GROUPS, (int16_t)g->keep, g->vth, word);
    if (out->membranes) __builtin_memcpy(out->membranes + first, v, sizeof(vi) * GROUPS);
    if (out->spikes) for (int i = 0; i < mine; i++) out->spikes[at * words + block * WORDS + i] = word[i];
}

#endif
