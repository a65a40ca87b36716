/* Batch normalization and T steps of LIF in one pass, forward and backward, for training: what lif_torch.py computes in torch.

   All arrays are [frames][rows][channels] floats, one row being one neuron position of one sample; `frames` is the number of steps,
   or 1 where every step has the same input. Only the input is kept for the backward pass, which recomputes the membranes.

   A slab [start, stop) of rows is one call, so that threads share a layer. Rows are worked on in tiles of whole rows: per-channel
   values are laid out once per tile, so that every inner loop is flat, however few channels there are. */
#include <stdlib.h>

#include "training.h"

static float *lay_out(float *tile, const float *values, int channels, int64_t rows) {
    for (int64_t r = 0; r < rows; r++) memcpy(tile + r * channels, values, sizeof(float) * channels);
    return tile + rows * channels;
}

/* sums [2][channels]: of x - center and of its square, over all frames; centered so that floats suffice within a tile. */
int training_moments(const Slab *s, const float *x, const float *center, double *sums) {
    const int channels = s->channels;
    const int64_t tile = tile_rows(s), most = tile * channels;
    float *middle = malloc(sizeof(float) * 3 * most);
    if (!middle) return NO_MEMORY;
    float *first = lay_out(middle, center, channels, tile), *second = first + most;
    memset(first, 0, sizeof(float) * 2 * most);
    int added = 0;
    for (int f = 0; f < s->frames; f++)
        for (int64_t row = s->start; row < s->stop; row += tile) {
            const float *from = x + (f * s->rows + row) * channels;
            const int64_t size = (s->stop - row < tile ? s->stop - row : tile) * channels;
            for (int64_t i = 0; i < size; i++) {
                const float z = from[i] - middle[i];
                first[i] += z;
                second[i] += z * z;
            }
            if (++added % 64 == 0) collect(first, sums, channels, tile), collect(second, sums + channels, channels, tile);
        }
    collect(first, sums, channels, tile);
    collect(second, sums + channels, channels, tile);
    free(middle);
    return DONE;
}

/* The membrane before its reset: eq. 1 of arXiv 2409.15849, the input being x * scale + offset. */
static inline float membrane(float x, float scale, float offset, float beta, float kept) { return x * scale + offset + beta * kept; }

/* spikes [steps][rows][channels] of 0 and 1; the threshold is 1. */
int training_fire(const Slab *s, const float *x, const float *scale, const float *offset, float *spikes) {
    const int channels = s->channels;
    const int64_t tile = tile_rows(s), most = tile * channels, plane = s->rows * channels;
    float *a = malloc(sizeof(float) * 3 * most);
    if (!a) return NO_MEMORY;
    float *b = lay_out(a, scale, channels, tile), *kept = lay_out(b, offset, channels, tile);
    for (int64_t row = s->start; row < s->stop; row += tile) {
        const int64_t size = (s->stop - row < tile ? s->stop - row : tile) * channels;
        memset(kept, 0, sizeof(float) * size);
        for (int t = 0; t < s->steps; t++) {
            const float *from = x + (s->frames == 1 ? 0 : t) * plane + row * channels;
            float *to = spikes + t * plane + row * channels;
            for (int64_t i = 0; i < size; i++) {
                const float h = membrane(from[i], a[i], b[i], s->beta, kept[i]);
                to[i] = h >= 1 ? 1 : 0;
                kept[i] = h >= 1 ? 0 : h;
            }
        }
    }
    free(a);
    return DONE;
}

static inline void backward(const Slab *s, const float *x, const float *grad, const float *scale, const float *offset,
                            const float *mean, float *result, double *sums, float *memory, const int surrogate) {
    const int channels = s->channels;
    const int64_t tile = tile_rows(s), most = tile * channels, plane = s->rows * channels;
    float *b = lay_out(memory, scale, channels, tile), *middle = lay_out(b, offset, channels, tile);
    float *carried = lay_out(middle, mean, channels, tile), *first = carried + most, *second = first + most, *before = second + most;
    memset(first, 0, sizeof(float) * 2 * most);
    int added = 0;
    for (int64_t row = s->start; row < s->stop; row += tile) {
        const int64_t size = (s->stop - row < tile ? s->stop - row : tile) * channels, at = row * channels;
        for (int64_t i = 0; i < size; i++) before[i] = membrane(x[at + i], memory[i], b[i], s->beta, 0);
        for (int t = 1; t < s->steps; t++) {
            const float *from = x + (s->frames == 1 ? 0 : t) * plane + at, *last = before + (t - 1) * most;
            float *now = before + t * most;
            for (int64_t i = 0; i < size; i++) now[i] = membrane(from[i], memory[i], b[i], s->beta, last[i] >= 1 ? 0 : last[i]);
        }
        memset(carried, 0, sizeof(float) * size);
        for (int t = s->steps - 1; t >= 0; t--) {
            const float *h = before + t * most, *g = grad + t * plane + at;
            if (s->frames > 1) {
                const float *from = x + t * plane + at;
                float *to = result + t * plane + at;
                for (int64_t i = 0; i < size; i++) {
                    const float rise = slope(h[i], surrogate), reset = (h[i] >= 1 ? 0 : 1) - h[i] * rise;
                    carried[i] = rise * g[i] + s->carry * reset * carried[i];
                    to[i] = carried[i];
                    first[i] += carried[i];
                    second[i] += carried[i] * (from[i] - middle[i]);
                }
            } else {
                float *to = result + at;
                if (t == s->steps - 1) memset(to, 0, sizeof(float) * size);
                for (int64_t i = 0; i < size; i++) {
                    const float rise = slope(h[i], surrogate), reset = (h[i] >= 1 ? 0 : 1) - h[i] * rise;
                    carried[i] = rise * g[i] + s->carry * reset * carried[i];
                    to[i] += carried[i];
                }
            }
        }
        if (s->frames == 1)
            for (int64_t i = 0; i < size; i++) {
                first[i] += result[at + i];
                second[i] += result[at + i] * (x[at + i] - middle[i]);
            }
        if (++added % 64 == 0) collect(first, sums, channels, tile), collect(second, sums + channels, channels, tile);
    }
    collect(first, sums, channels, tile);
    collect(second, sums + channels, channels, tile);
}

/* Backpropagation through time. result [frames][rows][channels]: the gradient of the normalized input; sums [2][channels]: of it,
   and of its product with x - mean. */
int training_backward(const Slab *s, const float *x, const float *grad, const float *scale, const float *offset, const float *mean,
                      float *result, double *sums) {
    const int64_t most = tile_rows(s) * s->channels;
    float *memory = malloc(sizeof(float) * (6 + s->steps) * most);
    if (!memory) return NO_MEMORY;
    int status = DONE;
    if (s->surrogate == BOXCAR) backward(s, x, grad, scale, offset, mean, result, sums, memory, BOXCAR);
    else if (s->surrogate == ARCTAN) backward(s, x, grad, scale, offset, mean, result, sums, memory, ARCTAN);
    else if (s->surrogate == FAST_SIGMOID) backward(s, x, grad, scale, offset, mean, result, sums, memory, FAST_SIGMOID);
    else status = UNKNOWN_SURROGATE;
    free(memory);
    return status;
}

/* grad = scale * (grad - first - (x - mean) * second): through the normalization, statistics included. */
int training_recenter(const Slab *s, const float *x, float *grad, const float *scale, const float *mean, const float *first,
                      const float *second) {
    const int channels = s->channels;
    const int64_t tile = tile_rows(s), most = tile * channels;
    float *a = malloc(sizeof(float) * 4 * most);
    if (!a) return NO_MEMORY;
    float *middle = lay_out(a, scale, channels, tile), *p = lay_out(middle, mean, channels, tile), *q = lay_out(p, first, channels, tile);
    lay_out(q, second, channels, tile);
    for (int f = 0; f < s->frames; f++)
        for (int64_t row = s->start; row < s->stop; row += tile) {
            const int64_t at = (f * s->rows + row) * channels, size = (s->stop - row < tile ? s->stop - row : tile) * channels;
            for (int64_t i = 0; i < size; i++) grad[at + i] = a[i] * (grad[at + i] - p[i] - (x[at + i] - middle[i]) * q[i]);
        }
    free(a);
    return DONE;
}
