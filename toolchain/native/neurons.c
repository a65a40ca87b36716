/* Neurons alone, for sums that another library computed: what `snnc bench` pairs with dense int8 convolutions. */
#include "lif.h"

/* One image of a batch of `images`.
   sums     [frames][images][pixels*channels] whole numbers, frames being 1 (the same at every step) or steps
   bias     [channels], in membrane units
   spikes   [steps][images][pixels*channels] bytes of 0 and 1
   membrane [channels] working memory */
void neurons(int steps, int frames, int images, int image, int pixels, int channels, const float *sums, const int32_t *bias,
             int keep, int vth, uint8_t *spikes, int32_t *membrane) {
    const int64_t size = (int64_t)pixels * channels;
    const int32_t threshold = vth * UNIT;
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) membrane[c] = 0;
        for (int t = 0; t < steps; t++) {
            const float *a = sums + ((int64_t)(t % frames) * images + image) * size + (int64_t)pixel * channels;
            uint8_t *s = spikes + ((int64_t)t * images + image) * size + (int64_t)pixel * channels;
            for (int c = 0; c < channels; c++) {
                const int32_t v = integrate_one(membrane[c], (int32_t)a[c] * UNIT, bias[c], keep);
                s[c] = v > threshold;
                membrane[c] = v > threshold ? 0 : v;
            }
        }
    }
}
