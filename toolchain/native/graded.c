/* Exact sums of 8-bit weights over 16-bit values (pixels, or spikes as 0 and 1), with the neurons fused in.

   Zeros are skipped, so spikes cost only where they are. An input that is the same at every step is summed once. */
#include "layer.h"

/* The sums of one word (64 channels) at output position (y, x); `w` points at the word's first weight, `row` is the number of
   weights from one input channel to the next. */
INLINE void sum_word(const Layer *g, const int16_t *frame, const int32_t *w, int64_t row, int y, int x, vi *acc) {
    vi sum[WORD_GROUPS] = {{0}}; /* a local array stays in registers */
    for (int ky = 0; ky < g->kh; ky++)
        for (int kx = 0; kx < g->kw; kx++) {
            const int iy = y * g->stride_y - g->pad_y + ky, ix = x * g->stride_x - g->pad_x + kx;
            if (iy < 0 || iy >= g->hin || ix < 0 || ix >= g->win) continue;
            const int16_t *value = frame + ((int64_t)iy * g->win + ix) * g->channels;
            const int32_t *weights = w + (int64_t)(ky * g->kw + kx) * g->channels * row;
            for (int c = 0; c < g->channels; c++, weights += row) {
                if (!value[c]) continue;
                for (int i = 0; i < WORD_GROUPS; i++) sum[i] += mul16(((const vi *)weights)[i], value[c]);
            }
        }
    for (int i = 0; i < WORD_GROUPS; i++) acc[i] = sum[i];
}

/* values [images][frames][hin*win*channels], frames being 1 (the same at every step) or steps
   w      [kh*kw*channels][blocks*BLOCK], VB-aligned: int32 lanes of 16-bit weights
   bias   [blocks*BLOCK], VB-aligned, in membrane units
   The pool of the layer is not used. */
void graded_layer(const Layer *g, int images, int frames, const int16_t *values, const int32_t *w, const int32_t *bias,
                  const Results *out) {
    const int64_t frame = (int64_t)g->hin * g->win * g->channels, row = (int64_t)layer_blocks(g) * BLOCK;
    vi acc[GROUPS] = {{0}}, v[GROUPS];
    for (int image = 0; image < images; image++)
        for (int block = 0; block < layer_blocks(g); block++)
            for (int pixel = 0; pixel < g->ho * g->wo; pixel++) {
                for (int i = 0; i < GROUPS; i++) v[i] = splat(0);
                for (int t = 0; t < g->steps; t++) {
                    for (int word = 0; t < frames && word < block_words(g, block); word++)
                        sum_word(g, values + ((int64_t)image * frames + t) * frame, w + block * BLOCK + word * 64, row,
                                 pixel / g->wo, pixel % g->wo, acc + word * WORD_GROUPS);
                    advance(g, out, (int64_t)image * g->steps + t, pixel, block, acc, v, (const vi *)bias);
                }
            }
}
