/* T steps of the chip's neuron, forward and backward, for the integer phase of training; arrays as in training.c.
   Currents are whole weight units in floats; what rounding a Winograd convolution left is rounded away. */
#include <stdlib.h>

#include "lif.h"
#include "training.h"

/* The membrane before it fires. Currents wrap, membranes saturate. */
static inline int32_t integrate(int32_t v, float current, int32_t bias, int keep) {
    const float most = 33554430; /* the last float below 2^25: no proof of lowering reaches it, and the product keeps to 32 bits */
    const int32_t a = (int32_t)rintf(current > most ? most : current < -most ? -most : current);
    return integrate_one(v, wrap_one(a * UNIT), bias, keep);
}

/* bias [channels], in membrane units; membranes [steps][rows][channels] after the reset, or NULL. */
int training_fire_integers(const Slab *s, const float *x, const int32_t *bias, float *spikes, int32_t *membranes) {
    const int channels = s->channels;
    const int64_t tile = tile_rows(s), most = tile * channels, plane = s->rows * channels;
    int32_t *b = malloc(sizeof(int32_t) * 2 * most), *kept = b + most;
    if (!b) return NO_MEMORY;
    for (int64_t r = 0; r < tile; r++) memcpy(b + r * channels, bias, sizeof(int32_t) * channels);
    for (int64_t row = s->start; row < s->stop; row += tile) {
        const int64_t size = (s->stop - row < tile ? s->stop - row : tile) * channels;
        memset(kept, 0, sizeof(int32_t) * size);
        for (int t = 0; t < s->steps; t++) {
            const int64_t at = t * plane + row * channels;
            const float *from = s->frames == 1 ? x + row * channels : x + at;
            for (int64_t i = 0; i < size; i++) {
                const int32_t v = integrate(kept[i], from[i], b[i], s->keep);
                spikes[at + i] = v > s->threshold ? 1 : 0;
                kept[i] = v > s->threshold ? 0 : v;
            }
            if (membranes) memcpy(membranes + at, kept, sizeof(int32_t) * size);
        }
    }
    free(b);
    return DONE;
}

static inline void backward(const Slab *s, const float *x, const float *grad, const int32_t *bias, float *result, double *sums,
                            int32_t *memory, const int surrogate) {
    const int channels = s->channels;
    const int64_t tile = tile_rows(s), most = tile * channels, plane = s->rows * channels;
    int32_t *before = memory + most;
    float *carried = (float *)(before + s->steps * most), *sum = carried + most;
    const float unit = (float)s->unit, membrane_unit = unit * 64;
    for (int64_t r = 0; r < tile; r++) memcpy(memory + r * channels, bias, sizeof(int32_t) * channels);
    memset(sum, 0, sizeof(float) * most);
    int added = 0;
    for (int64_t row = s->start; row < s->stop; row += tile) {
        const int64_t size = (s->stop - row < tile ? s->stop - row : tile) * channels, at = row * channels;
        for (int64_t i = 0; i < size; i++) before[i] = integrate(0, x[at + i], memory[i], s->keep);
        for (int t = 1; t < s->steps; t++) {
            const float *from = x + (s->frames == 1 ? 0 : t) * plane + at;
            const int32_t *last = before + (t - 1) * most;
            int32_t *now = before + t * most;
            for (int64_t i = 0; i < size; i++) now[i] = integrate(last[i] > s->threshold ? 0 : last[i], from[i], memory[i], s->keep);
        }
        memset(carried, 0, sizeof(float) * size);
        if (s->frames == 1) memset(result + at, 0, sizeof(float) * size);
        for (int t = s->steps - 1; t >= 0; t--) {
            const int32_t *v = before + t * most;
            const float *g = grad + t * plane + at, kept = s->frames == 1 ? 1 : 0;
            float *to = s->frames == 1 ? result + at : result + t * plane + at;
            for (int64_t i = 0; i < size; i++) {
                const float h = (float)v[i] / membrane_unit, rise = slope(h, surrogate);
                const float reset = (v[i] > s->threshold ? 0 : 1) - h * rise;
                carried[i] = rise * g[i] + s->carry * reset * carried[i];
                to[i] = carried[i] / unit + (kept ? to[i] : 0);
                sum[i] += carried[i] / unit;
            }
        }
        if (++added % 64 == 0) collect(sum, sums, channels, tile);
    }
    collect(sum, sums, channels, tile);
}

/* result [frames][rows][channels]: the gradient of the current in weight units; sums [channels]: that of the bias. */
int training_backward_integers(const Slab *s, const float *x, const float *grad, const int32_t *bias, float *result, double *sums) {
    const int64_t most = tile_rows(s) * s->channels;
    int32_t *memory = malloc(sizeof(int32_t) * (3 + s->steps) * most);
    if (!memory) return NO_MEMORY;
    int status = DONE;
    if (s->surrogate == BOXCAR) backward(s, x, grad, bias, result, sums, memory, BOXCAR);
    else if (s->surrogate == ARCTAN) backward(s, x, grad, bias, result, sums, memory, ARCTAN);
    else if (s->surrogate == FAST_SIGMOID) backward(s, x, grad, bias, result, sums, memory, FAST_SIGMOID);
    else status = UNKNOWN_SURROGATE;
    free(memory);
    return status;
}
