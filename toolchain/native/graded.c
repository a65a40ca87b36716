/* Exact sums of 8-bit weights over 16-bit values (pixels, or spikes as 0 and 1), with the neurons fused in.

   Zeros are skipped, so spikes cost only where they are. An input that is the same at every step is summed once. */
#include "layer.h"

/* values [images][frames][hin*win*channels], frames being 1 (the same at every step) or steps
   w      [kh*kw*channels][blocks*BLOCK], VB-aligned: int32 lanes of 16-bit weights
   bias   [blocks*BLOCK], VB-aligned, in membrane units
   The pool of the layer is not used. */
void graded_layer(const Layer *g, int images, int frames, const int16_t *values, const int32_t *w, const int32_t *bias,
                  const Results *out) {
    const int blocks = layer_blocks(g);
    const int64_t frame = (int64_t)g->hin * g->win * g->channels;
    vi acc[GROUPS], v[GROUPS];
    for (int image = 0; image < images; image++)
    for (int block = 0; block < blocks; block++)
    for (int y = 0; y < g->ho; y++)
    for (int x = 0; x < g->wo; x++) {
        for (int i = 0; i < GROUPS; i++) v[i] = splat(0);
        for (int t = 0; t < g->steps; t++) {
            if (t < frames) {
                const int16_t *now = values + ((int64_t)image * frames + t) * frame;
                for (int i = 0; i < GROUPS; i++) acc[i] = splat(0);
                for (int ky = 0; ky < g->kh; ky++)
                for (int kx = 0; kx < g->kw; kx++) {
                    const int iy = y * g->stride_y - g->pad_y + ky, ix = x * g->stride_x - g->pad_x + kx;
                    if (iy < 0 || iy >= g->hin || ix < 0 || ix >= g->win) continue;
                    const int16_t *p = now + ((int64_t)iy * g->win + ix) * g->channels;
                    const int32_t *rows = w + ((int64_t)(ky * g->kw + kx) * g->channels * blocks + block) * BLOCK;
                    for (int c = 0; c < g->channels; c++) {
                        if (!p[c]) continue;
                        const vi *row = (const vi *)(rows + (int64_t)c * blocks * BLOCK);
                        for (int i = 0; i < GROUPS; i++) acc[i] += mul16(row[i], p[c]);
                    }
                }
            }
            advance(g, out, (int64_t)image * g->steps + t, y * g->wo + x, block, acc, v, (const vi *)bias);
        }
    }
}
