/* The neuron of toolchain/network/lif.py without current memory (du = 4095), for one neuron and for the channels of a word.

   v <- trunc(v * keep / 4096) + u + bias, clipped to +-MEMBRANE_MAX; spike and reset to 0 above the threshold. keep = 4096 - dv,
   u = UNIT * input; v, u, bias and threshold are in membrane units, of which UNIT make one weight unit.

   The product v * keep has 36 bits. To stay within 32, v is split as 4096 * high + low (high = v >> 12, rounded down, and
   low = v & 4095 in 0..4095), so that v * keep / 4096 = high * keep + low * keep / 4096, whose first part is whole. Adding
   4095 to the second numerator where v is negative turns the floor of the shift into a ceiling. So the result is v * keep / 4096
   rounded toward zero: toward_zero() of lif.py. */
#ifndef SNNC_LIF_H
#define SNNC_LIF_H

#include "vectors.h"

enum { UNIT_SHIFT = 6, UNIT = 1 << UNIT_SHIFT, MEMBRANE_MAX = (1 << 23) - 1 };

/* ---- one neuron ---- */

INLINE int32_t decay_one(int32_t v, int keep) {
    const int32_t fraction = (v & 4095) * keep + ((v >> 31) & 4095);
    return (v >> 12) * keep + (fraction >> 12);
}

/* wrap() of lif.py: once into (-2^23, 2^23]. */
INLINE int32_t wrap_one(int32_t u) {
    return u > MEMBRANE_MAX + 1 ? u - (1 << 24) : u <= -(MEMBRANE_MAX + 1) ? u + (1 << 24) : u;
}

/* The membrane before it fires. */
INLINE int32_t integrate_one(int32_t v, int32_t u, int32_t bias, int keep) {
    const int32_t now = decay_one(v, keep) + u + bias;
    return now > MEMBRANE_MAX ? MEMBRANE_MAX : now < -MEMBRANE_MAX ? -MEMBRANE_MAX : now;
}

/* ---- 64 neurons ---- */

#if VB == 64
/* Both factors are exact in float32. Their product, rounded toward zero to 24 bits and then to an integer, is the integer that
   rounding once gives. */
INLINE vi decay(vi v, int16_t keep) {
    __m512 product = _mm512_mul_round_ps(_mm512_cvtepi32_ps((__m512i)v), _mm512_set1_ps(keep / 4096.0f),
                                         _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    return (vi)_mm512_cvttps_epi32(product);
}
#else
INLINE vi decay(vi v, int16_t keep) {
    vi fraction = mul16(v & 4095, keep) + ((v >> 31) & 4095);
    return mul16(v >> 12, keep) + (fraction >> 12);
}
#endif

/* One step of the 64 channels of a word, for |input| <= 131071, so that no current wraps; returns the spikes. */
INLINE uint64_t lif(const vi *input, vi *v, const vi *bias, int16_t keep, vi threshold) {
    const vi limit = splat(MEMBRANE_MAX);
    uint64_t spikes = 0;
    for (int i = 0; i < WORD_GROUPS; i++) {
        vi s = clamp(decay(v[i], keep) + (input[i] << UNIT_SHIFT) + bias[i], limit);
        spikes |= (uint64_t)fire(&s, threshold) << (i * LANES);
        v[i] = s;
    }
    return spikes;
}

#endif
