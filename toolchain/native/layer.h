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

/* Where results go: spikes and, if wanted, membranes, or sums alone; what is not wanted is NULL.
   spikes     [images][steps][ho*wo*ceil(cout/64)] words
   membranes  [images][steps][ho*wo*blocks*BLOCK] after reset
   sums       the same shape: the synaptic input itself */
typedef struct {
    uint64_t *spikes;
    int32_t *membranes, *sums;
} Results;

INLINE int layer_words(const Layer *g) { return (g->cout + 63) / 64; }
INLINE int layer_blocks(const Layer *g) { return (g->cout + BLOCK - 1) / BLOCK; }

/* Words of 64 channels that a block holds; the last one of a layer may hold fewer than the others. */
INLINE int block_words(const Layer *g, int block) {
    const int left = layer_words(g) - block * WORDS;
    return left < WORDS ? left : WORDS;
}

/* One step of toolchain/network/lif.py for the 64 channels of a word, without current memory (du = 4095) and with |input| <= 131071,
   so that the current neither remembers nor wraps; returns the spikes:
   v <- trunc(v * keep / 4096) + 64 * input + bias, clipped; spike and reset above the threshold. */
INLINE uint64_t lif(const vi *input, vi *v, const vi *bias, int16_t keep, vi threshold) {
    const vi limit = splat((1 << 23) - 1);
    uint64_t spikes = 0;
    for (int i = 0; i < WORD_GROUPS; i++) {
        vi s = clamp(decay(v[i], keep) + (input[i] << 6) + bias[i], limit);
        spikes |= (uint64_t)fire(&s, threshold) << (i * LANES);
        v[i] = s;
    }
    return spikes;
}

/* Advance the neurons of one block at one pixel and step, and store what was asked for. `step` counts over images. */
INLINE void advance(const Layer *g, const Results *out, int64_t step, int pixel, int block, const vi *input, vi *v, const vi *bias) {
    const int64_t at = step * g->ho * g->wo + pixel, first = (at * layer_blocks(g) + block) * BLOCK;
    const vi threshold = splat(g->vth * 64);
    if (out->sums) __builtin_memcpy(out->sums + first, input, sizeof(vi) * GROUPS);
    if (!out->spikes) return;
    uint64_t *spikes = out->spikes + at * layer_words(g) + block * WORDS;
    for (int word = 0, i = 0; word < block_words(g, block); word++, i += WORD_GROUPS)
        spikes[word] = lif(input + i, v + i, bias + block * GROUPS + i, (int16_t)g->keep, threshold);
    if (out->membranes) __builtin_memcpy(out->membranes + first, v, sizeof(vi) * GROUPS);
}

#endif
