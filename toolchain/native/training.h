/* What both halves of the training kernels share: slabs of a layer, tiles of a slab, and the surrogate gradients. */
#ifndef SNNC_TRAINING_H
#define SNNC_TRAINING_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { TILE = 512 };
enum { BOXCAR = 0, ARCTAN = 1, FAST_SIGMOID = 2 };       /* the numbers of SURROGATES in surrogate.py */
enum { DONE = 0, NO_MEMORY = 1, UNKNOWN_SURROGATE = 2 }; /* what every function returns; mirrored in library.py */

typedef struct { /* mirrored in library.py */
    int64_t rows, start, stop;
    int32_t frames, steps, channels, surrogate, keep, threshold, unit; /* the last three for integers: beta * 4096, 64 * vth, vth */
    float beta, carry; /* carry: the share of a gradient that flows to the step before; beta, or 0 where it is cut */
} Slab;

static inline int64_t tile_rows(const Slab *s) {
    const int64_t rows = s->channels < TILE ? TILE / s->channels : 1;
    return rows < s->stop - s->start ? rows : s->stop - s->start;
}

/* Add each channel's sums over a tile to `sums`, and clear them: floats suffice for a few tiles only. */
static inline void collect(float *tile, double *sums, int channels, int64_t rows) {
    for (int64_t r = 0; r < rows; r++)
        for (int c = 0; c < channels; c++) sums[c] += tile[r * channels + c];
    memset(tile, 0, sizeof(float) * rows * channels);
}

/* d spike / d membrane, as in surrogate.py; h is the membrane in units of the threshold, `surrogate` one of the three. */
static inline float slope(float h, int surrogate) {
    const float x = h - 1;
    if (surrogate == ARCTAN) return 1 / (1 + 9.8696044f * x * x);
    if (surrogate == FAST_SIGMOID) return 1 / ((1 + 25 * fabsf(x)) * (1 + 25 * fabsf(x)));
    return fabsf(x) <= 0.5f ? 0.5f : 0;
}

#endif
