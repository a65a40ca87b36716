/* Words of 64 images from channel words or pixels and back, and sources laid out for the layers that read them. */
#include "images.h"

enum { MAXCOUNT = 5, ASIDE = VB / 8 }; /* bits of the count of a patch of up to 4 x 4 pixels; words that are turned together */

/* Transpose 64 x 64 bits, a matrix for each word of a vector: bit j of a[i] goes to bit i of a[j]. */
static void transpose64(vq *a) {
    static const uint64_t low[6] = {0x00000000FFFFFFFFull, 0x0000FFFF0000FFFFull, 0x00FF00FF00FF00FFull,
                                    0x0F0F0F0F0F0F0F0Full, 0x3333333333333333ull, 0x5555555555555555ull};
    for (int k = 0, j = 32; j; j >>= 1, k++)
        for (int first = 0; first < 64; first += 2 * j)
            for (int i = first; i < first + j; i++) {
                const vq t = ((a[i] >> j) ^ a[i + j]) & low[k];
                a[i] ^= t << j;
                a[i + j] ^= t;
            }
}

/* Where word w of 64 channels at pixel (y, x) and step t begins among words of images, [hin][channels][win*steps]. */
typedef struct { int steps, hin, win, channels; } Frames;
INLINE int64_t place(const Frames *f, int64_t at, int *channels) {
    const int words = (f->channels + 63) / 64, w = (int)(at % words), x = (int)(at / words % f->win);
    const int y = (int)(at / words / f->win % f->hin), t = (int)(at / words / f->win / f->hin);
    *channels = f->channels - w * 64 < 64 ? f->channels - w * 64 : 64;
    return (((int64_t)y * f->channels + w * 64) * f->win + x) * f->steps + t;
}

/* So many words from p on, zeros behind them. */
INLINE vq some(const uint64_t *p, int count) {
    if (count == ASIDE) return *(const vq_any *)p;
    vq x = {0};
    memcpy(&x, p, (size_t)count * 8);
    return x;
}

/* bits [images][steps][hin][win][ceil(channels/64)] words of 64 channels, images <= 64
   out  [hin][channels][win*steps] words of 64 images
   Several words of an image are read together: images often lie a multiple of a page apart, where they share a set of the cache. */
void images_from_channels(int images, int steps, int hin, int win, int channels, const uint64_t *bits, uint64_t *out) {
    const Frames f = {steps, hin, win, channels};
    const int64_t image = (int64_t)steps * hin * win * ((channels + 63) / 64);
    vq a[64];
    for (int64_t at = 0; at < image; at += ASIDE) {
        const int aside = image - at < ASIDE ? (int)(image - at) : ASIDE;
        for (int i = 0; i < 64; i++) a[i] = i < images ? some(bits + i * image + at, aside) : (vq){0};
        transpose64(a);
        for (int j = 0; j < aside; j++) {
            int own;
            uint64_t *to = out + place(&f, at + j, &own);
            for (int c = 0; c < own; c++) to[(int64_t)c * win * steps] = a[c][j];
        }
    }
}

/* The way back. */
void images_to_channels(int images, int steps, int hin, int win, int channels, const uint64_t *in, uint64_t *bits) {
    const Frames f = {steps, hin, win, channels};
    const int64_t image = (int64_t)steps * hin * win * ((channels + 63) / 64);
    vq a[64];
    for (int64_t at = 0; at < image; at += ASIDE) {
        const int aside = image - at < ASIDE ? (int)(image - at) : ASIDE;
        memset(a, 0, sizeof a);
        for (int j = 0; j < aside; j++) {
            int own;
            const uint64_t *from = in + place(&f, at + j, &own);
            for (int c = 0; c < own; c++) a[c][j] = from[(int64_t)c * win * steps];
        }
        transpose64(a);
        for (int i = 0; i < images; i++) memcpy(bits + i * image + at, a + i, (size_t)aside * 8);
    }
}

/* Bit k of 64 neighboring numbers, of which `count` exist. */
INLINE uint64_t bit_of(const int16_t *values, int count, int k) {
    uint64_t bits = 0;
#if VB == 64
    if (count == 64) {
        const __m128i shift = _mm_cvtsi32_si128(15 - k);
        for (int half = 0; half < 2; half++)
            bits |= (uint64_t)_mm512_movepi16_mask(_mm512_sll_epi16(_mm512_loadu_si512(values + 32 * half), shift)) << 32 * half;
        return bits;
    }
#endif
    for (int i = 0; i < count; i++) bits |= (uint64_t)((uint16_t)values[i] >> k & 1) << i;
    return bits;
}

/* values [images][frames][hin][win][channels], images <= 64
   out    [planes][hin][channels][win*frames] words: bit k of each value, in two's complement */
void images_from_values(int images, int frames, int hin, int win, int channels, int planes, const int16_t *values, uint64_t *out) {
    const int64_t frame = (int64_t)hin * win * channels, row = (int64_t)win * channels;
    vq a[64];
    for (int t = 0; t < frames; t++)
        for (int64_t first = 0; first < frame; first += 64) {
            const int count = frame - first < 64 ? (int)(frame - first) : 64;
            for (int low = 0; low < planes; low += ASIDE) {
                const int high = low + ASIDE < planes ? low + ASIDE : planes;
                memset(a, 0, sizeof a);
                for (int i = 0; i < images; i++)
                    for (int k = low; k < high; k++)
                        a[i][k - low] = bit_of(values + ((int64_t)i * frames + t) * frame + first, count, k);
                transpose64(a);
                for (int j = 0; j < count; j++) {
                    const int64_t at = first + j, y = at / row, x = at % row / channels, c = at % channels;
                    for (int k = low; k < high; k++) out[(((k * hin + y) * channels + c) * win + x) * frames + t] = a[j][k - low];
                }
            }
        }
}

/* A line of one channel after pooling: for plane i, position x and step t the word to[(i*w + x)*frames + t]. */
static void pooled_line(const Window *g, const uint64_t *from, int planes, uint64_t *to) {
    const int64_t w = g->win / g->pool, down = (int64_t)g->channels * g->win * g->frames_in, plane = w * g->frames;
    for (int64_t x = 0; x < w; x++)
        for (int t = 0; t < g->frames; t++) {
            const uint64_t *p = from + x * g->pool * g->frames_in + (g->frames_in > 1 ? t : 0);
            uint64_t count[MAXCOUNT] = {0};
            for (int dy = 0; dy < g->pool; dy++)
                for (int dx = 0; dx < g->pool; dx++) {
                    uint64_t carry = p[dy * down + (int64_t)dx * g->frames_in];
                    for (int i = 0; i < planes; i++) { const uint64_t s = count[i]; count[i] = s ^ carry; carry &= s; }
                }
            for (int i = 0; i < planes; i++) to[i * plane + x * g->frames + t] = count[i];
        }
}

/* What every output position sees in column kx of the kernel, of a line of w positions. */
INLINE void shifted_line(const Window *g, int w, int kx, const uint64_t *from, uint64_t *to) {
    const int64_t size = g->frames;
    const int before = g->pad_x - kx, first = before > 0 ? (before + g->stride_x - 1) / g->stride_x : 0;
    const int past = (w - 1 + before) / g->stride_x + 1, last = w - 1 + before < 0 ? 0 : past < g->wo ? past : g->wo;
    if (g->stride_x == 1) {
        if (first < last) memcpy(to + first * size, from + (first - before) * size, (size_t)((last - first) * size) * 8);
        return;
    }
    for (int x = first; x < last; x++)
        for (int64_t t = 0; t < size; t++) to[x * size + t] = from[((int64_t)x * g->stride_x - before) * size + t];
}

/* Lay a source out as `Window` says.
   in   [planes][hin][channels][win*frames_in] words
   line words of a line, after pooling, for every plane
   out  [planes, or bits of a patch's count][rows][channels][kw][line] words */
void images_window(const Window *g, const uint64_t *in, uint64_t *line, uint64_t *out) {
    const int h = g->hin / g->pool, w = g->win / g->pool, whole = g->pool == 1 && g->frames == g->frames_in;
    const int counted = g->pool > 1 ? 32 - __builtin_clz((uint32_t)(g->pool * g->pool)) : 1;
    const int64_t channel = (int64_t)g->kw * g->line, plane = (int64_t)g->rows * g->channels * channel;
    memset(out, 0, (size_t)((g->pool > 1 ? counted : g->planes) * plane) * sizeof *out);
    for (int k = 0; k < g->planes; k++)
        for (int y = 0; y < h; y++)
            for (int c = 0; c < g->channels; c++) {
                const uint64_t *from = in + (((int64_t)k * g->hin + y * g->pool) * g->channels + c) * g->win * g->frames_in;
                uint64_t *first = out + k * plane + ((int64_t)(y + g->pad_y) * g->channels + c) * channel;
                if (!whole) pooled_line(g, from, counted, line);
                for (int i = 0; i < counted; i++)
                    for (int kx = 0; kx < g->kw; kx++)
                        shifted_line(g, w, kx, whole ? from : line + (int64_t)i * w * g->frames, first + i * plane + kx * g->line);
            }
}
