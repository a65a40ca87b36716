/* One layer as the kernels see it, and its neurons. */
#ifndef SNNC_LAYER_H
#define SNNC_LAYER_H

#include "lif.h"

/* A convolution over a grid of `h` x `w` pixels, made from `hin` x `win` by pool x pool sums; a dense layer is the 1x1 case.
   Mirrors Geometry in library.py. */
typedef struct {
    int32_t steps, hin, win, channels;
    int32_t pool, h, w;
    int32_t kh, kw, stride_y, stride_x, pad_y, pad_x, ho, wo;
    int32_t cout, keep, vth; /* keep = 4096 - dv */
} Layer;

/* Where results go: spikes and, if wanted, membranes, or sums alone; what is not wanted is NULL. The channels beyond the last word
   of 64 are neither written nor read.
   spikes     [images][steps][ho*wo*ceil(cout/64)] words
   membranes  [images][steps][ho*wo*blocks*BLOCK] after reset
   sums       the same shape: the synaptic input itself
   given      the same shape, or NULL: sums to start from, those of a layer's other synapses; may be `sums` itself */
typedef struct {
    uint64_t *spikes;
    int32_t *membranes, *sums;
    const int32_t *given;
} Results;

INLINE int layer_words(const Layer *g) { return (g->cout + 63) / 64; }
INLINE int layer_blocks(const Layer *g) { return (g->cout + BLOCK - 1) / BLOCK; }

/* Words of 64 channels that a block holds; the last one of a layer may hold fewer than the others. */
INLINE int block_words(const Layer *g, int block) {
    const int left = layer_words(g) - block * WORDS;
    return left < WORDS ? left : WORDS;
}

INLINE void store(int32_t *to, const vi *from, int groups) {
    for (int i = 0; i < groups; i++) *(vi_any *)(to + i * LANES) = from[i];
}

/* Advance the neurons of one block at one pixel and step, and store what was asked for. `step` counts over images. */
INLINE void advance_with(const Layer *g, const Results *out, int64_t step, int pixel, int block, const vi *sum, vi *v, const vi *bias) {
    const int64_t at = step * g->ho * g->wo + pixel, first = (at * layer_blocks(g) + block) * BLOCK;
    const int words = block_words(g, block);
    const vi threshold = splat(g->vth * UNIT);
    if (out->sums) store(out->sums + first, sum, words * WORD_GROUPS);
    if (!out->spikes) return;
    uint64_t *spikes = out->spikes + at * layer_words(g) + block * WORDS;
    for (int word = 0, i = 0; word < words; word++, i += WORD_GROUPS)
        spikes[word] = lif(sum + i, v + i, bias + block * GROUPS + i, (int16_t)g->keep, threshold);
    if (out->membranes) store(out->membranes + first, v, words * WORD_GROUPS);
}

/* The same from the given sums, if any, plus those of this synapse. Two copies of the code: with one, layers of a single synapse
   were up to 18 % slower. The sum is a new array, since graded_layer keeps its own for all steps of a constant input. */
INLINE void advance(const Layer *g, const Results *out, int64_t step, int pixel, int block, const vi *acc, vi *v, const vi *bias) {
    if (!out->given) {
        advance_with(g, out, step, pixel, block, acc, v, bias);
        return;
    }
    const int64_t first = ((step * g->ho * g->wo + pixel) * layer_blocks(g) + block) * BLOCK;
    vi sum[GROUPS];
    for (int i = 0; i < block_words(g, block) * WORD_GROUPS; i++)
        sum[i] = acc[i] + *(const vi_any *)(out->given + first + i * LANES);
    advance_with(g, out, step, pixel, block, sum, v, bias);
}

#endif
