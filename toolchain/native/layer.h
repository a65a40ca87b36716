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

/* A shortcut into a layer: each output channel receives `strength` for every spike of its own channel in a patch of pool x pool
   pixels. Mirrors ShortcutStruct in library.py.
   bits       [images][steps][height*width*ceil(cout/64)] words, the channels in the order of the layer's */
typedef struct {
    const uint64_t *bits;
    int32_t strength, pool, height, width;
} Shortcut;

/* Where results go: spikes and, if wanted, membranes, or sums alone; what is not wanted is NULL. The channels beyond the last word
   of 64 are neither written nor read.
   spikes     [images][steps][ho*wo*ceil(cout/64)] words
   membranes  [images][steps][ho*wo*blocks*BLOCK] after reset
   sums       the same shape: the synaptic input itself
   given      the same shape, or NULL: sums to start from, those of a layer's other synapses; may be `sums` itself
   shortcuts  so many, which join in registers */
typedef struct {
    uint64_t *spikes;
    int32_t *membranes, *sums;
    const int32_t *given;
    const Shortcut *shortcuts;
    int64_t count;
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

/* Add a shortcut at one pixel and step to the sums of a block. */
INLINE void join(const Layer *g, const Shortcut *from, int64_t step, int pixel, int block, vi *sum) {
    const int all = layer_words(g), words = block_words(g, block);
    const int64_t y = (int64_t)(pixel / g->wo) * from->pool, x = (int64_t)(pixel % g->wo) * from->pool;
    const uint64_t *corner = from->bits + ((step * from->height + y) * from->width + x) * all + block * WORDS;
    const vi strength = splat(from->strength);
    for (int dy = 0; dy < from->pool; dy++)
        for (int dx = 0; dx < from->pool; dx++) {
            const uint64_t *bits = corner + ((int64_t)dy * from->width + dx) * all;
            for (int i = 0; i < words * WORD_GROUPS; i++)
                sum[i] = add_where(sum[i], strength, (uint32_t)(bits[i / WORD_GROUPS] >> i % WORD_GROUPS * LANES));
        }
}

/* The same from the given sums, if any, plus shortcuts and those of this synapse. Two copies of the code: with one, layers of a single synapse
   were up to 18 % slower. The sum is a new array, since graded_layer keeps its own for all steps of a constant input. */
INLINE void advance(const Layer *g, const Results *out, int64_t step, int pixel, int block, const vi *acc, vi *v, const vi *bias) {
    if (!out->given && !out->count) {
        advance_with(g, out, step, pixel, block, acc, v, bias);
        return;
    }
    const int64_t first = ((step * g->ho * g->wo + pixel) * layer_blocks(g) + block) * BLOCK;
    vi sum[GROUPS];
    for (int i = 0; i < block_words(g, block) * WORD_GROUPS; i++)
        sum[i] = out->given ? acc[i] + *(const vi_any *)(out->given + first + i * LANES) : acc[i];
    for (int64_t i = 0; i < out->count; i++) join(g, out->shortcuts + i, step, pixel, block, sum);
    advance_with(g, out, step, pixel, block, sum, v, bias);
}

#endif
