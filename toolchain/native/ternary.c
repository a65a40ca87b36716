/* Exact event-driven sums of ternary weights over spikes, with the neurons fused in.

   Spikes are bits, 64 channels to a word. Weights are +1, 0 or -1, kept as two bit masks. An output position receives one
   weight row per input spike in its receptive field. Rows are summed "bit-sliced": plane i holds bit i of every channel's
   count. Carry-save adders fold rows into planes for all channels of a block at once, two logical operations per row:

       row 0 ─┐
       row 1 ─┼─ csa ─ carry ─┐
       row 2 ─┐  (plane 0)    ├─ csa ─ carry ─┐
       row 3 ─┼─ csa ─ carry ─┘  (plane 1)    ├─ csa ... after sixteen rows one carry reaches plane 4
       ...                                    ┘

   This is the tree of Harley and Seal's population count (Warren, Hacker's Delight, 2nd ed., section 5-1; Mula, Kurz and
   Lemire 2018, arXiv 1611.07612), used for vectors of counters instead of one count. Work is proportional to the number of
   spikes, and everything is exact integer arithmetic.

   Sum pooling in front costs nothing: a patch of pool x pool pixels counts its spikes for each channel, and the rows of a
   channel that counts 1, 2, 4 ... are listed apart ("weights" of events) and added from plane 0, 1, 2 ... on. */
#include "layer.h"
#include "planes.h"

enum { MAXWEIGHTS = 5 };                         /* events of weight 1, 2, 4, 8, 16: patches of up to 4 x 4 pixels */
enum { RUN = 64, TOGETHER = 4, CACHE = 5 << 18 };

/* ---- spikes to events ---- */

/* Append first + VB * lane for every set bit; may write up to LANES entries past the end. */
INLINE uint32_t *emit(uint64_t bits, uint32_t first, uint32_t *e) {
#if VB == 64
    const vu lane = {0, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960};
    for (int quarter = 0; quarter < 4; quarter++, bits >>= 16, first += 16 * VB) {
        __m512i offsets = (__m512i)(lane + first);
        _mm512_storeu_si512(e, _mm512_maskz_compress_epi32((__mmask16)bits, offsets));
        e += __builtin_popcount((uint32_t)bits & 0xFFFF);
    }
#else
    for (; bits; bits &= bits - 1) *e++ = first + VB * (uint32_t)__builtin_ctzll(bits);
#endif
    return e;
}

INLINE int input_words(const Layer *g) { return (g->channels + 63) / 64; }

/* How many weights the events of a layer can have. */
INLINE int event_weights(const Layer *g) { return 32 - __builtin_clz((uint32_t)(g->pool * g->pool)); }

/* Bit `weight` of how often each of 64 channels spikes in a patch, whose first word is p. */
INLINE uint64_t patch_bits(const Layer *g, const uint64_t *p, int weight) {
    if (g->pool == 1) return *p;
    uint64_t count[MAXWEIGHTS] = {0};
    for (int dy = 0; dy < g->pool; dy++)
        for (int dx = 0; dx < g->pool; dx++) {
            uint64_t carry = p[((size_t)dy * g->win + dx) * input_words(g)];
            for (int i = 0; i <= weight; i++) { uint64_t t = count[i]; count[i] = t ^ carry; carry &= t; }
        }
    return count[weight];
}

/* List the events of one weight at one time step. An event is the byte offset of its weight row, counted from the start of
   its image row, so that the events of a run of pixels lie side by side and a receptive field is one run per kernel row. */
static uint32_t *decode(const Layer *g, const uint64_t *bits, int weight, uint32_t *start, uint32_t *events, uint32_t *e) {
    const int words = input_words(g);
    for (int y = 0; y < g->h; y++) {
        for (int x = 0; x < g->w; x++) {
            *start++ = (uint32_t)(e - events);
            const uint64_t *p = bits + ((size_t)y * g->pool * g->win + x * g->pool) * words;
            for (int i = 0; i < words; i++) e = emit(patch_bits(g, p + i, weight), (uint32_t)(x * words + i) * 64 * VB, e);
        }
        *start++ = (uint32_t)(e - events);
    }
    return e;
}

/* How many events of one weight hit output position (y, x). */
INLINE uint32_t events_at(const Layer *g, const uint32_t *start, int y, int x) {
    const int y0 = y * g->stride_y - g->pad_y, x0 = x * g->stride_x - g->pad_x;
    const int left = x0 < 0 ? 0 : x0, right = x0 + g->kw > g->w ? g->w : x0 + g->kw;
    const int top = y0 < 0 ? 0 : y0, bottom = y0 + g->kh > g->h ? g->h : y0 + g->kh;
    uint32_t n = 0;
    for (int row = top; row < bottom && left < right; row++) n += start[row * (g->w + 1) + right] - start[row * (g->w + 1) + left];
    return n;
}

/* Collect the weight-row offsets that hit output position (y, x), padded with the all-zero row to a multiple of 16; return
   how many are real. */
INLINE uint32_t gather(const Layer *g, const uint32_t *start, const uint32_t *events, int y, int x, uint32_t *offsets) {
    const int y0 = y * g->stride_y - g->pad_y, x0 = x * g->stride_x - g->pad_x;
    const int left = x0 < 0 ? 0 : x0, right = x0 + g->kw > g->w ? g->w : x0 + g->kw;
    const uint32_t pixel = (uint32_t)input_words(g) * 64 * VB; /* bytes of weights per pixel */
    uint32_t n = 0;
    for (int ky = 0; ky < g->kh && left < right; ky++) {
        if (y0 + ky < 0 || y0 + ky >= g->h) continue;
        const uint32_t *s = start + (size_t)(y0 + ky) * (g->w + 1);
        const uint32_t a = s[left], m = s[right] - a, shift = (uint32_t)(ky * g->kw - x0) * pixel;
        uint32_t i = 0;
        do /* over-runs into padding, even for no event: cheaper than a branch that is often mispredicted */
            for (int j = 0; j < RUN; j += LANES)
                *(vu_any *)(offsets + n + i + j) = *(const vu_any *)(events + a + i + j) + shift;
        while ((i += RUN) < m);
        n += m;
    }
    const vu zero_row = (vu){0} + (uint32_t)(g->kh * g->kw) * pixel;
    for (int j = 0; j < 16; j += LANES) *(vu_any *)(offsets + n + j) = zero_row;
    return n;
}

/* ---- bit-sliced summation ---- */

/* Add n rows, padded with zero rows to a multiple of 16, to five planes; return how many carries went to `carries`, which are
   padded alike. `fresh` planes hold nothing yet. */
INLINE size_t add_level(const char *w, const uint32_t *o, size_t n, int fresh, vq *plane, vq *carries) {
    vq s[LEVEL] = {{0}}, *c = carries;
    if (!fresh) for (int j = 0; j < LEVEL; j++) s[j] = plane[j];
    size_t i = 0;
    for (; i + 16 < n; i += 32) {
        vq a = add16(w, o, i, 0, s), b = add16(w, o, i + 16, 0, s);
        *c++ = csa(s + 4, a, b);
    }
    if (i < n) {
        vq a = add16(w, o, i, 0, s);
        *c++ = s[4] & a;
        s[4] ^= a;
    }
    for (int j = 0; j < LEVEL; j++) plane[j] = s[j];
    for (int j = 0; j < 15; j++) c[j] = (vq){0};
    return (size_t)(c - carries);
}

/* Add n rows to bit planes of which only the first `planes` can become non-zero: the carries of a level are the rows of the
   next. */
INLINE void add_rows(const char *w, const uint32_t *offsets, size_t n, int fresh, vq *plane, int planes, vq *carries) {
    size_t left = add_level(w, offsets, n, fresh, plane, carries);
    for (int done = LEVEL; done < planes; done += LEVEL) {
        const char *rows = (const char *)carries;
        carries += (left + 15) & ~(size_t)15;
        left = add_level(rows, 0, left, fresh, plane + done, carries);
    }
}

/* Planes back to one int32 per channel. In every byte of a weight row bits 0, 2, 4, 6 are plus bits and 1, 3, 5, 7 the minus
   bits of the same channels, so the transpose leaves both counts in neighboring vectors, and four byte positions x four
   pairs give the 16 groups. The packing order (bitsliced_layers.py) is chosen so that group * LANES + lane is the channel number. */
INLINE void unslice(const vq *plane, int planes, vi *acc) {
    vq low[8], high[8];
    transpose8(plane, low);
    if (planes <= 15) { /* sums fit 16 bits */
        if (planes > 8) transpose8(plane + 8, high);
        for (int j = 0; j < 4; j++) {
            vh p = (vh)low[2 * j], m = (vh)low[2 * j + 1], ph = {0}, mh = {0};
            if (planes > 8) { ph = (vh)high[2 * j]; mh = (vh)high[2 * j + 1]; }
            vi even = (vi)(((p & 0xFF) | (ph << 8)) - ((m & 0xFF) | (mh << 8)));
            vi odd = (vi)(((p >> 8) | (ph & 0xFF00)) - ((m >> 8) | (mh & 0xFF00)));
            acc[4 * j] = even << 16 >> 16; acc[4 * j + 1] = even >> 16;
            acc[4 * j + 2] = odd << 16 >> 16; acc[4 * j + 3] = odd >> 16;
        }
        return;
    }
    for (int k = 0; k < GROUPS; k++) acc[k] = splat(0); /* more than 32,767 events */
    for (int level = 0; level < planes; level += 8) {
        transpose8(plane + level, low);
        for (int k = 0; k < GROUPS; k++) {
            int j = k / 4, shift = 16 * (k & 1) + 8 * (k >> 1 & 1);
            acc[k] += (vi)(((((vu)low[2 * j] >> shift) & 0xFF) - (((vu)low[2 * j + 1] >> shift) & 0xFF)) << level);
        }
    }
}

/* ---- entry points ---- */

static size_t most_events(const Layer *g) { return (size_t)g->h * g->w * input_words(g) * 64; }
static size_t most_rows(const Layer *g) { return (size_t)g->kh * g->kw * input_words(g) * 64 + 2 * RUN; }
static size_t starts(const Layer *g) { return (size_t)g->h * (g->w + 1); }
static size_t most_carries(const Layer *g) { return most_rows(g) / 31 + 16 * MAXPLANES / LEVEL; } /* 1/32 + 1/1024 + ..., each padded */

/* Bytes of working memory that ternary_layer needs; only what the spikes fill is ever touched. */
size_t ternary_scratch(const Layer *g, int images) {
    const size_t step = event_weights(g) * (most_events(g) + starts(g));
    return most_carries(g) * VB + 4 * (images * g->steps * step + event_weights(g) * most_rows(g) + 2 * RUN) + VB;
}

/* in      [images][steps][hin*win*ceil(channels/64)] words of spikes
   w       [blocks][kh*kw*ceil(channels/64)*64 + 1] rows of VB bytes, VB-aligned, the last row of each block zero
   bias    [blocks*BLOCK], VB-aligned, in membrane units
   scratch VB-aligned */
void ternary_layer(const Layer *g, int images, const uint64_t *in, const void *w, const int32_t *bias, const Results *out,
                   void *scratch) {
    const int T = g->steps, blocks = layer_blocks(g), weights = event_weights(g);
    const size_t rows = (size_t)g->kh * g->kw * input_words(g) * 64 + 1;
    vq *carries = scratch;
    uint32_t *offsets = (uint32_t *)(carries + most_carries(g)), *start = offsets + weights * most_rows(g);
    uint32_t *events = start + (size_t)images * T * weights * starts(g), *e = events;
    for (int64_t step = 0; step < (int64_t)images * T; step++)
        for (int k = 0; k < weights; k++)
            e = decode(g, in + step * g->hin * g->win * input_words(g), k, start + (step * weights + k) * starts(g), events, e);

    /* With so few events many receptive fields are silent, which is worth a look at each. */
    const int sparse = (e - events) * g->kh * g->kw < (int64_t)images * T * g->h * g->w;

    /* So many blocks share the gathering of a receptive field; all their weights should stay in the second-level cache. */
    const size_t fit = CACHE / (rows * VB);
    const int together = fit < 1 ? 1 : fit < TOGETHER ? (int)fit : TOGETHER;
    vq plane[MAXPLANES]; vi acc[GROUPS], v[TOGETHER][GROUPS]; uint32_t n[MAXWEIGHTS];
    for (int first = 0; first < blocks; first += together) {
        const int count = blocks - first < together ? blocks - first : together;
        for (int image = 0; image < images; image++)
            for (int pixel = 0; pixel < g->ho * g->wo; pixel++) {
                const int y = pixel / g->wo, x = pixel % g->wo;
                for (int b = 0; b < count; b++) for (int i = 0; i < GROUPS; i++) v[b][i] = splat(0);
                for (int64_t step = (int64_t)image * T; step < (int64_t)(image + 1) * T; step++) {
                    const uint32_t *from = start + step * weights * starts(g);
                    uint32_t total = 0;
                    for (int k = 0; k < weights && sparse; k++) total += events_at(g, from + k * starts(g), y, x);
                    if (sparse && !total) {
                        for (int i = 0; i < GROUPS; i++) acc[i] = splat(0);
                        for (int b = 0; b < count; b++) advance(g, out, step, pixel, first + b, acc, v[b], (const vi *)bias);
                        continue;
                    }
                    total = 0;
                    for (int k = 0; k < weights; k++) {
                        n[k] = gather(g, from + k * starts(g), events, y, x, offsets + k * most_rows(g));
                        total += n[k] << k;
                    }
                    const int planes = 32 - __builtin_clz(total | 1); /* at least one: clz(0) is undefined */
                    const int written = (planes + LEVEL - 1) / LEVEL * LEVEL, read = weights > 1 ? planes + LEVEL : planes;
                    for (int i = written; i < read || i & 7; i++) plane[i] = (vq){0};
                    for (int b = 0; b < count; b++) {
                        const char *wb = (const char *)w + (first + b) * rows * VB;
                        add_rows(wb, offsets, n[0], 1, plane, planes, carries);
                        for (int k = 1; k < weights; k++)
                            if (n[k]) add_rows(wb, offsets + k * most_rows(g), n[k], 0, plane + k, planes - k, carries);
                        unslice(plane, planes, acc);
                        advance(g, out, step, pixel, first + b, acc, v[b], (const vi *)bias);
                    }
                }
            }
    }
}

/* Add about so many rows from registers, or the stack where they do not fit: a limit for this processor. Returns a bit of
   the result, lest the compiler leave the work out. */
uint64_t add_from_registers(int64_t rows, const void *w) {
    vq x[16], s[LEVEL] = {{0}}, carries = {0};
    for (int i = 0; i < 16; i++) x[i] = ((const vq *)w)[i];
    for (int64_t done = 0; done < rows; done += 16) {
        vq pair[8], four[4], eight[2];
        for (int i = 0; i < 8; i++) pair[i] = csa(s, x[2 * i], x[2 * i + 1]);
        for (int i = 0; i < 4; i++) four[i] = csa(s + 1, pair[2 * i], pair[2 * i + 1]);
        for (int i = 0; i < 2; i++) eight[i] = csa(s + 2, four[2 * i], four[2 * i + 1]);
        carries ^= csa(s + 3, eight[0], eight[1]);
    }
    for (int i = 0; i < LEVEL; i++) carries ^= s[i];
    return carries[0];
}
