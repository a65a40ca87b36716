/* Runs the kernels on drawn layers and prints a hash of what they computed: the same lines on every processor. */
#include <stdio.h>
#include <stdlib.h>

#include "images.h"
#include "layer.h"

size_t ternary_scratch(const Layer *g, int images);
void ternary_layer(const Layer *g, int images, const uint64_t *in, const void *w, const int32_t *bias, const Results *out, void *scratch);
void graded_layer(const Layer *g, int images, int frames, const int16_t *values, const int32_t *w, const int32_t *bias, const Results *out);
size_t images_scratch(const ImagesLayer *g, int64_t rows);
void images_layer(const ImagesLayer *g, const Feed *feeds, const int32_t *start, const Results64 *out, void *scratch);
void images_window(const Window *g, const uint64_t *in, uint64_t *line, uint64_t *out);
void images_from_channels(int images, int steps, int hin, int win, int channels, const uint64_t *bits, uint64_t *out);
void images_to_channels(int images, int steps, int hin, int win, int channels, const uint64_t *in, uint64_t *bits);
void images_from_values(int images, int frames, int hin, int win, int channels, int planes, const int16_t *values, uint64_t *out);

enum { MOST = 1 << 20, CASES = 40 };

static uint64_t state;
static uint64_t draw(void) { state ^= state << 13; state ^= state >> 7; return state ^= state << 17; }
static int between(int low, int high) { return low + (int)(draw() % (uint64_t)(high - low + 1)); }

static void *buffer(size_t bytes) {
    void *p = aligned_alloc(64, (bytes + 4095) / 4096 * 4096);
    if (!p) exit(3);
    return memset(p, 0, (bytes + 4095) / 4096 * 4096);
}

static uint64_t hash(uint64_t h, const void *p, size_t bytes) {
    const unsigned char *c = p;
    for (size_t i = 0; i < bytes; i++) h = (h ^ c[i]) * 1099511628211ull;
    return h;
}

/* Event by event and by products: spikes and membranes of one drawn layer. */
static uint64_t by_events(int graded) {
    const int T = between(1, 4), images = between(1, 3), pool = graded ? 1 : between(1, 2), k = between(1, 3), pad = between(0, k - 1);
    const int h = between(k, 6), w = between(k, 6), channels = between(1, 90), cout = between(1, BLOCK + 20), stride = between(1, 2);
    Layer g = {T, h * pool, w * pool, channels, pool, h, w, k, k, stride, stride, pad, pad, 0, 0, cout, between(0, 4096), between(0, 20)};
    g.ho = (h + 2 * pad - k) / stride + 1; g.wo = (w + 2 * pad - k) / stride + 1;
    const size_t words = (size_t)images * T * g.hin * g.win * ((channels + 63) / 64), places = (size_t)images * T * g.ho * g.wo;
    const size_t rows = (size_t)k * k * ((channels + 63) / 64) * 64 + 1, blocks = (size_t)layer_blocks(&g);
    int32_t *bias = buffer(blocks * BLOCK * 4);
    for (int c = 0; c < (int)blocks * BLOCK; c++) bias[c] = c < cout ? between(-99, 99) : -MEMBRANE_MAX;
    Results out = {.spikes = buffer(places * (size_t)layer_words(&g) * 8), .membranes = buffer(places * blocks * BLOCK * 4)};
    if (graded) {
        const size_t size = (size_t)images * T * h * w * channels;
        int16_t *values = buffer(size * 2);
        int32_t *weights = buffer((size_t)k * k * channels * blocks * BLOCK * 4);
        for (size_t i = 0; i < size; i++) values[i] = (int16_t)(draw() & 1 ? between(-300, 300) : 0);
        for (size_t i = 0; i < (size_t)k * k * channels; i++)
            for (int c = 0; c < cout; c++) weights[i * blocks * BLOCK + (size_t)c] = between(-40, 40);
        graded_layer(&g, images, T, values, weights, bias, &out);
    } else {
        uint64_t *in = buffer(words * 8);
        unsigned char *weights = buffer(blocks * rows * VB);
        for (size_t i = 0; i < words; i++) in[i] = draw() & draw() & (channels % 64 ? ~0ull >> (64 - channels % 64) : ~0ull);
        for (size_t i = 0; i < blocks * rows * VB; i++) weights[i] = (unsigned char)(i / VB % rows == rows - 1 ? 0 : draw());
        ternary_layer(&g, images, in, weights, bias, &out, buffer(ternary_scratch(&g, images)));
    }
    uint64_t h64 = hash(14695981039346656037ull, out.spikes, places * (size_t)layer_words(&g) * 8);
    for (size_t i = 0; i < places; i++) /* membranes of channels that exist */
        h64 = hash(h64, out.membranes + i * blocks * BLOCK, (size_t)cout * 4);
    return h64;
}

/* 64 images at a time: one source of drawn numbers, drawn lists of rows, and the way back to words of channels. */
static uint64_t by_images(void) {
    const int T = between(1, 4), frames = draw() & 1 ? T : 1, images = between(1, 64), pool = between(1, 2), kw = between(1, 3);
    const int channels = between(1, 20), planes = pool > 1 ? 1 : between(1, 5), cout = between(1, 9), pad = between(0, kw - 1);
    const int w = between(kw, 9), h = between(1, 4), levels = between(1, 3), counted = pool > 1 ? 3 : planes;
    const size_t size = (size_t)images * frames * h * pool * w * pool * channels;
    int16_t *values = buffer(size * 2);
    for (size_t i = 0; i < size; i++) values[i] = (int16_t)(planes == 1 ? draw() & 1 : (uint64_t)between(-(1 << (planes - 1)), (1 << (planes - 1)) - 1));
    uint64_t *words = buffer((size_t)planes * h * pool * channels * w * pool * frames * 8);
    images_from_values(images, frames, h * pool, w * pool, channels, planes, values, words);
    const int wo = w + 2 * pad - kw + 1, line = (wo * frames + 7) / 8 * 8;
    const Window g = {channels, planes, h * pool, w * pool, frames, pool, 0, pad, 1, kw, wo, frames, h, line};
    const size_t plane = (size_t)h * channels * kw * line * 8;
    uint64_t *laid = buffer((size_t)counted * plane);
    images_window(&g, words, buffer((size_t)5 * w * frames * 8), laid);
    uint32_t *offsets = buffer(MOST), *starts = buffer(MOST), n = 0;
    int lists = 0;
    for (; lists < cout * 2 * levels; lists++) {
        starts[lists] = n;
        for (int i = between(0, 70); i; i--) offsets[n++] = (uint32_t)(between(0, channels * kw - 1) * line * 8);
    }
    starts[lists] = n;
    const Feed feed = {(const char *)laid, (int64_t)plane, (int64_t)channels * kw * line * 8, offsets, starts, levels, counted, planes > 1};
    const ImagesLayer layer = {T, frames, cout, h, wo, between(0, 4096), between(0, 300), 18, between(1, 3), 1};
    int32_t *start = buffer(MOST), *bias = buffer(MOST);
    for (int c = 0; c < cout; c++) { start[c] = -between(0, 500); bias[c] = between(-99, 99); }
    const size_t made = (size_t)h * cout * wo * T;
    Results64 out = {bias, buffer(made * 8), buffer(made * 64 * 4)};
    images_layer(&layer, &feed, start, &out, buffer(images_scratch(&layer, 100)));
    uint64_t *bits = buffer((size_t)64 * T * h * wo * 8), *again = buffer(made * 8);
    images_to_channels(64, T, h, wo, cout, out.spikes, bits);
    images_from_channels(64, T, h, wo, cout, bits, again);
    if (memcmp(again, out.spikes, made * 8)) exit(4);
    return hash(hash(hash(14695981039346656037ull, out.spikes, made * 8), out.membranes, made * 256), bits, (size_t)64 * T * h * wo * 8);
}

int main(void) {
    for (int i = 0; i < CASES; i++) {
        state = 88172645463325252ull + (uint64_t)i * 7919;
        printf("%d %016llx", i, (unsigned long long)by_events(0));
        printf(" %016llx", (unsigned long long)by_events(1));
        printf(" %016llx\n", (unsigned long long)by_images());
    }
    return 0;
}
