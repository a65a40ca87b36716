/* Exact sums of integer weights over spikes or pixels of 64 images to a word, with the neurons fused in.

   Each bit of a word is one image. A word holds one bit of one channel at one position and step; the words of a row lie
   side by side, so that a vector is several positions and steps of 64 images each, all of which see the same weights:

       line of a channel:  | x=0,t=0 | x=0,t=1 | ... | x=1,t=0 | ...      one 64-bit word each

   A weight is a few digits of +-2^k. For every output channel the rows of its digits are listed: where, from the first input of
   the receptive field, the line to add lies. Rows of digit 2^k are added to the planes from k on by the tree of planes.h. A row
   with a minus digit is inverted, since -x = (1 - x) - 1 for a bit x: what that is too much is the same for all images, and the
   sum starts from it. Work is proportional to the weights that are not 0 and does not depend on the spikes, and no lane is idle
   however few channels a layer has: narrow layers and high firing rates run faster here than in ternary.c. */
#include "images.h"

enum { VECTOR_WORDS = VB / 8, MAXBYTES = 3, STATE = 8 * MAXBYTES + LEVEL }; /* sums have at most 18 bits; levels write five planes */

/* Add one carry from plane k on; return the carry of the last plane. */
INLINE vq ripple(vq *s, int k, vq carry) {
    for (; k < LEVEL; k++) { const vq t = s[k] & carry; s[k] ^= carry; carry = t; }
    return carry;
}

/* Add n rows, inverted or not, to five planes; return how many carries went to `carries`. All rows behind the last 32 carry once
   at most. */
INLINE size_t add_list(const char *w, const uint32_t *o, size_t n, const uint64_t invert, vq *plane, vq *carries) {
    vq s[LEVEL], *c = carries, last = {0};
    for (int k = 0; k < LEVEL; k++) s[k] = plane[k];
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const vq a = add16(w, o, i, invert, s), b = add16(w, o, i + 16, invert, s);
        *c++ = csa(s + 4, a, b);
    }
    if (n & 16) { last |= ripple(s, 4, add16(w, o, i, invert, s)); i += 16; }
    if (n & 8) { last |= ripple(s, 3, add8(w, o, i, invert, s)); i += 8; }
    if (n & 4) { last |= ripple(s, 2, add4(w, o, i, invert, s)); i += 4; }
    if (n & 2) { last |= ripple(s, 1, add2(w, o, i, invert, s)); i += 2; }
    if (n & 1) last |= ripple(s, 0, row(w, o, i) ^ invert);
    if (n & 31) *c++ = last;
    for (int k = 0; k < LEVEL; k++) plane[k] = s[k];
    return (size_t)(c - carries);
}

/* Add n rows to so many planes: the carries of five planes are rows of the next. */
INLINE void add_rows(const char *w, const uint32_t *o, size_t n, const uint64_t invert, vq *plane, int planes, vq *carries) {
    if (!n) return;
    size_t left = add_list(w, o, n, invert, plane, carries);
    for (int done = LEVEL; done < planes && left; done += LEVEL) {
        const char *rows = (const char *)carries;
        carries += left;
        left = add_list(rows, 0, left, 0, plane + done, carries);
    }
}

/* Add what a feed sends to one output channel. The last plane of negative numbers counts with the other sign. */
static void add_feed(const Feed *feed, const char *words, int channel, int planes, vq *plane, vq *carries) {
    for (int j = 0; j < feed->planes; j++, words += feed->plane) {
        const uint32_t *minus = feed->starts + (int64_t)channel * 2 * feed->levels, *plus = minus + feed->levels;
        const int turned = feed->negative && j == feed->planes - 1;
        const uint32_t *up = turned ? minus : plus, *down = turned ? plus : minus;
        for (int k = j; k < j + feed->levels && k < planes; k++, up++, down++) {
            add_rows(words, feed->offsets + up[0], up[1] - up[0], 0, plane + k, planes - k, carries);
            add_rows(words, feed->offsets + down[0], down[1] - down[0], ~0ull, plane + k, planes - k, carries);
        }
    }
}

/* Byte b of the sums as t[8*b + r], in which byte i of a word is image 8*i + r. */
INLINE void to_bytes(vq *plane, int planes, vq *t) {
    for (int k = planes; k & 7; k++) plane[k] = plane[planes - 1]; /* the sign */
    for (int k = 0; k < planes; k += 8) transpose8(plane + k, t + k);
}

/* Of one byte of the sums the lanes of a group of images of a word, with their sign. */
INLINE vi lanes_of(const vq *t, int word, int group) {
    const char *from = (const char *)t + 8 * word;
#if VB == 64
    return widen(from + 2 * group * VB, from + (2 * group + 1) * VB);
#elif VB == 32
    return widen(from + group * VB);
#else
    return widen(from + group / 2 * VB + group % 2 * 4);
#endif
}

/* The sums of a word's images: lane by lane image 0, 8, 16, ..., 56, 1, 9, ... */
INLINE void sums_of(const vq *t, int bytes, int word, vi *sum) {
    for (int i = 0; i < WORD_GROUPS; i++) {
        sum[i] = lanes_of(t + 8 * (bytes - 1), word, i);
        for (int b = bytes - 2; b >= 0; b--)
            sum[i] = (sum[i] << 8) | (lanes_of(t + 8 * b, word, i) & 0xFF);
    }
}

/* Bit 8*r + i goes to bit 8*i + r: the images in order again. */
INLINE uint64_t in_order(uint64_t x) {
    uint64_t t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AAull;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCCull;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0ull;
    return x ^ t ^ (t << 28);
}

/* Advance the neurons of channel c over the words from `at` to `stop` of row y. */
INLINE void fire_words(const ImagesLayer *g, const Results64 *out, int y, int c, int64_t at, int64_t stop, vq *plane, vi *states) {
    const int repeats = g->steps / g->frames, bytes = (g->planes + 7) / 8;
    const vi threshold = splat(g->vth * UNIT);
    vi v[WORD_GROUPS], bias[WORD_GROUPS], sum[WORD_GROUPS];
    vq t[STATE];
    for (int i = 0; i < WORD_GROUPS; i++) { v[i] = states[i]; bias[i] = splat(out->bias[c]); }
    int step = (int)(at % g->frames);
    int64_t to = (((int64_t)y * g->cout + c) * g->wo * g->frames + at) * repeats;
    for (; at < stop; plane += STATE) {
        to_bytes(plane, g->planes, t);
        for (int word = 0; word < VECTOR_WORDS && at < stop; word++, at++) {
            sums_of(t, bytes, word, sum);
            if (!step) for (int i = 0; i < WORD_GROUPS; i++) v[i] = splat(0);
            for (int k = 0; k < repeats; k++, to++) {
                out->spikes[to] = in_order(lif(sum, v, bias, (int16_t)g->keep, threshold));
                if (out->membranes) for (int i = 0; i < WORD_GROUPS; i++) *(vi_any *)(out->membranes + to * 64 + i * LANES) = v[i];
            }
            if (++step == g->frames) step = 0;
        }
    }
    for (int i = 0; i < WORD_GROUPS; i++) states[i] = v[i];
}

/* Bytes of working memory that images_layer needs, if no list of rows is longer than `rows`. */
size_t images_scratch(const ImagesLayer *g, int64_t rows) {
    return (size_t)(((int64_t)g->cout * WORD_GROUPS + (int64_t)g->tile * STATE + rows / 16 + STATE) * VB);
}

/* start   [cout]: where sums start, lest inverted rows count too much
   scratch VB-aligned */
void images_layer(const ImagesLayer *g, const Feed *feeds, const int32_t *start, const Results64 *out, void *scratch) {
    const int64_t total = (int64_t)g->wo * g->frames, vectors = (total + VECTOR_WORDS - 1) / VECTOR_WORDS;
    vi *states = scratch;
    vq *planes = (vq *)(states + (int64_t)g->cout * WORD_GROUPS), *carries = planes + (int64_t)g->tile * STATE;
    for (int y = 0; y < g->ho; y++)
        for (int64_t first = 0; first < vectors; first += g->tile) {
            const int64_t after = first + g->tile < vectors ? first + g->tile : vectors;
            const int64_t stop = after * VECTOR_WORDS < total ? after * VECTOR_WORDS : total;
            for (int c = 0; c < g->cout; c++) {
                for (int64_t i = first; i < after; i++) {
                    vq *plane = planes + (i - first) * STATE;
                    for (int k = 0; k < g->planes + LEVEL; k++) plane[k] = (vq){0} - (uint64_t)(k < g->planes ? start[c] >> k & 1 : 0);
                    for (int f = 0; f < g->feeds; f++)
                        add_feed(feeds + f, feeds[f].words + y * feeds[f].row + i * VB, c, g->planes, plane, carries);
                }
                fire_words(g, out, y, c, first * VECTOR_WORDS, stop, planes, states + c * WORD_GROUPS);
            }
        }
}
