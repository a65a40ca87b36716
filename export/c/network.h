/*
 * PREFIX: the spiking network "@NAME@" in C99, written by snnc. No libraries, no heap, no floats.
 *
 * Include it wherever its functions are called; in one source file define PREFIX_IMPLEMENTATION first:
 *
 *     #define PREFIX_IMPLEMENTATION
 *     #include "model.h"
 *
 *     static PREFIX_state state;
 *     PREFIX_reset(&state);
 *     for (int t = 0; t < PREFIX_TIMESTEPS; t++)
 *         PREFIX_step(&state, values);      (the same values at every step, or a frame of events for each)
 *     class = PREFIX_class(&state);
 *
 * RAM: @RAM@ bytes (one PREFIX_state). Flash: @FLASH@ bytes of numbers, and the code. Do not edit: snnc reads this file back.
 *
 * snnc: @DESCRIPTION@
 */
#ifndef PREFIX_H
#define PREFIX_H

#include <stdint.h>

#define PREFIX_TIMESTEPS @TIMESTEPS@
#define PREFIX_INPUTS @INPUTS@ /* @SHAPE@, the last axis first to change, as in PyTorch */
#define PREFIX_OUTPUTS @OUTPUTS@
#define PREFIX_ZERO_POINT (@ZERO_POINT@) /* subtracted from every value */
#define PREFIX_NEURONS @NEURONS@
#define PREFIX_SPIKE_BYTES @SPIKES@
#define PREFIX_CURRENTS @CURRENTS@ /* whether currents are remembered */
#define PREFIX_INPUT_SLOTS @SLOTS@
#define PREFIX_LAYERS @LAYERS@

typedef @VALUE@ PREFIX_value; /* one raw input: a pixel, or an event of 0 or 1 */
typedef @OUTPUT@ PREFIX_output;

/* All that changes. Layer by layer, row by row, pixel by pixel, channel by channel; eight channels of spikes to a byte. */
typedef struct {
    int32_t membranes[PREFIX_NEURONS]; /* in 1/64 weight units */
#if PREFIX_CURRENTS
    int32_t currents[PREFIX_NEURONS];
#endif
    PREFIX_output outputs[PREFIX_OUTPUTS]; /* @SCORES@ */
    int32_t step;
#if PREFIX_INPUT_SLOTS > 1
    PREFIX_value frames[PREFIX_INPUT_SLOTS][PREFIX_INPUTS];
#else
    const PREFIX_value *frame;
#endif
    uint8_t spikes[PREFIX_SPIKE_BYTES];
} PREFIX_state;

void PREFIX_reset(PREFIX_state *state);                            /* before each sample */
void PREFIX_step(PREFIX_state *state, const PREFIX_value *values); /* one time step */
int32_t PREFIX_class(const PREFIX_state *state);                   /* the largest output, the first of equal ones */
const char *PREFIX_label(int32_t output);                          /* its name, or "" */

#endif

#ifdef PREFIX_IMPLEMENTATION
#undef PREFIX_IMPLEMENTATION

typedef @BIAS@ PREFIX_bias;

/* What follows is the same for every network: the neuron, and sums over two-bit and whole-number weights. */

typedef struct {
    const uint8_t *signs;      /* weights of -1, 0, 1 over spikes: of 8 channels a byte of +1s, then one of -1s; or */
    const int8_t *bytes;       /* weights of 8 bits, or */
    const int16_t *halves;     /* of 16, or */
    const int32_t *words;      /* of 32; each (out, kernel y, kernel x, channels) */
    int32_t source;            /* a layer, or -1 for the input */
    int32_t delay;             /* further time steps */
    int32_t channels, height, width;
    int32_t kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x;
    int32_t pool;              /* spikes are summed over pool x pool first */
} PREFIX_synapse;

typedef struct {
    const PREFIX_synapse *synapses;
    int32_t fan_in;            /* number of synapses */
    int32_t channels, height, width;
    int32_t neuron;            /* the first one's place in membranes and currents */
    int32_t spikes;            /* the first byte of spikes, and the bytes of one time step */
    int32_t bytes, slots;      /* time steps that are kept for delays, this one included */
    const PREFIX_bias *bias;   /* one for each channel, or for each neuron */
    int32_t bias_of_neuron, bias_unit;
    int32_t vth;                       /* in weight units; a spike needs more */
    const uint16_t *keep_u, *keep_v; /* parts in 4096 that are kept per step */
    int32_t decay_of_neuron;
} PREFIX_layer;

@NUMBERS@

/* The values of the input `delay` steps ago. */
static const PREFIX_value *PREFIX_frame(const PREFIX_state *state, int32_t delay)
{
#if PREFIX_INPUT_SLOTS > 1
    return state->frames[(state->step - delay) % PREFIX_INPUT_SLOTS];
#else
    (void)delay;
    return state->frame;
#endif
}

static int32_t PREFIX_slot(const PREFIX_state *state, int32_t number, int32_t delay)
{
    const PREFIX_layer *layer = &PREFIX_layers[number];
    return layer->spikes + (state->step - delay) % layer->slots * layer->bytes;
}

static int32_t PREFIX_count(uint32_t bits)
{
    bits -= (bits >> 1) & 0x55555555u;
    bits = (bits & 0x33333333u) + ((bits >> 2) & 0x33333333u);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0Fu;
    return (int32_t)((bits * 0x01010101u) >> 24);
}

static uint32_t PREFIX_word(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Spikes times weights of -1, 0 and 1: how many meet a +1, less how many meet a -1. */
static int32_t PREFIX_ternary(const uint8_t *spikes, const uint8_t *plus, const uint8_t *minus, int32_t bytes)
{
    int32_t sum = 0, i = 0;
    for (; i + 4 <= bytes; i += 4)
        sum += PREFIX_count(PREFIX_word(spikes + i) & PREFIX_word(plus + i)) -
               PREFIX_count(PREFIX_word(spikes + i) & PREFIX_word(minus + i));
    for (; i < bytes; i++)
        sum += PREFIX_count((uint32_t)(spikes[i] & plus[i])) - PREFIX_count((uint32_t)(spikes[i] & minus[i]));
    return sum;
}

static int32_t PREFIX_weight(const PREFIX_synapse *synapse, int32_t place)
{
    if (synapse->bytes)
        return synapse->bytes[place];
    return synapse->halves ? synapse->halves[place] : synapse->words[place];
}

/* What one pixel of a source gives through one tap of the kernel of one output channel. */
static int32_t PREFIX_tap(const PREFIX_state *state, const PREFIX_synapse *synapse, int32_t tap, int32_t y, int32_t x)
{
    const int32_t channels = synapse->channels, bytes = (channels + 7) / 8;
    int32_t sum = 0, c;
    if (synapse->source < 0) {
        const PREFIX_value *frame = PREFIX_frame(state, synapse->delay);
        const int32_t size = synapse->height * synapse->width;
        for (c = 0; c < channels; c++)
            sum += ((int32_t)frame[c * size + y * synapse->width + x] - PREFIX_ZERO_POINT) *
                   PREFIX_weight(synapse, tap * channels + c);
        return sum;
    }
    const uint8_t *spikes = state->spikes + PREFIX_slot(state, synapse->source, synapse->delay);
    spikes += (y * synapse->width + x) * bytes;
    if (synapse->signs) {
        const uint8_t *plus = synapse->signs + 2 * tap * bytes;
        return PREFIX_ternary(spikes, plus, plus + bytes, bytes);
    }
    for (c = 0; c < channels; c++)
        if (spikes[c >> 3] >> (c & 7) & 1)
            sum += PREFIX_weight(synapse, tap * channels + c);
    return sum;
}

static int32_t PREFIX_sum(const PREFIX_state *state, const PREFIX_synapse *synapse, int32_t out, int32_t row, int32_t column)
{
    const int32_t pool = synapse->pool;
    int32_t sum = 0, ky, kx, y, x, py, px;
    if (synapse->delay > state->step)
        return 0; /* nothing has happened yet */
    for (ky = 0; ky < synapse->kernel_y; ky++) {
        y = (row * synapse->stride_y + ky - synapse->pad_y) * pool;
        if (y < 0 || y + pool > synapse->height)
            continue;
        for (kx = 0; kx < synapse->kernel_x; kx++) {
            x = (column * synapse->stride_x + kx - synapse->pad_x) * pool;
            if (x < 0 || x + pool > synapse->width)
                continue;
            for (py = 0; py < pool; py++)
                for (px = 0; px < pool; px++)
                    sum += PREFIX_tap(state, synapse, (out * synapse->kernel_y + ky) * synapse->kernel_x + kx, y + py, x + px);
        }
    }
    return sum;
}

/* keep parts in 4096 of a state, rounded toward zero, in 32 bits. */
static int32_t PREFIX_decayed(int32_t state, int32_t keep)
{
    const int32_t size = state < 0 ? -state : state;
    const int32_t kept = (size >> 12) * keep + (((size & 4095) * keep) >> 12);
    return state < 0 ? -kept : kept;
}

/* One time step of one neuron of Loihi; returns whether it spikes. */
static int PREFIX_neuron(PREFIX_state *state, const PREFIX_layer *layer, int32_t place, int32_t channel, int32_t sum)
{
    const int32_t decay = layer->decay_of_neuron ? place : 0, neuron = layer->neuron + place;
    int32_t u = sum * 64, v;
#if PREFIX_CURRENTS
    u += PREFIX_decayed(state->currents[neuron], layer->keep_u[decay]);
#endif
    if (u > 8388608)
        u -= 16777216;
    else if (u <= -8388608)
        u += 16777216;
#if PREFIX_CURRENTS
    state->currents[neuron] = u;
#endif
    v = PREFIX_decayed(state->membranes[neuron], layer->keep_v[decay]) + u;
    v += layer->bias[layer->bias_of_neuron ? place : channel] * layer->bias_unit;
    v = v > 8388607 ? 8388607 : v < -8388607 ? -8388607 : v;
    const int spikes = v > layer->vth * 64;
    state->membranes[neuron] = spikes ? 0 : v;
    return spikes;
}

static void PREFIX_run(PREFIX_state *state, int32_t number)
{
    const PREFIX_layer *layer = &PREFIX_layers[number];
    uint8_t *spikes = state->spikes + PREFIX_slot(state, number, 0);
    int32_t y, x, c, k, place = 0;
    for (k = 0; k < layer->bytes; k++)
        spikes[k] = 0;
    for (y = 0; y < layer->height; y++)
        for (x = 0; x < layer->width; x++, spikes += (layer->channels + 7) / 8)
            for (c = 0; c < layer->channels; c++, place++) {
                int32_t sum = 0;
                for (k = 0; k < layer->fan_in; k++)
                    sum += PREFIX_sum(state, &layer->synapses[k], c, y, x);
                if (PREFIX_neuron(state, layer, place, c, sum))
                    spikes[c >> 3] |= (uint8_t)(1 << (c & 7));
            }
}

void PREFIX_reset(PREFIX_state *state)
{
    int32_t i;
    state->step = 0;
    for (i = 0; i < PREFIX_NEURONS; i++) {
        state->membranes[i] = 0;
#if PREFIX_CURRENTS
        state->currents[i] = 0;
#endif
    }
    for (i = 0; i < PREFIX_SPIKE_BYTES; i++)
        state->spikes[i] = 0;
    for (i = 0; i < PREFIX_OUTPUTS; i++)
        state->outputs[i] = 0;
}

void PREFIX_step(PREFIX_state *state, const PREFIX_value *values)
{
    const PREFIX_layer *last = &PREFIX_layers[PREFIX_LAYERS - 1];
    int32_t i;
#if PREFIX_INPUT_SLOTS > 1
    for (i = 0; i < PREFIX_INPUTS; i++)
        state->frames[state->step % PREFIX_INPUT_SLOTS][i] = values[i];
#else
    state->frame = values;
#endif
    for (i = 0; i < PREFIX_LAYERS; i++)
        PREFIX_run(state, i);
    for (i = 0; i < PREFIX_OUTPUTS; i++) {
        const int32_t c = i / (last->height * last->width), pixel = i % (last->height * last->width);
@GROWING@#if @SPIKING@
        const uint8_t *spikes = state->spikes + PREFIX_slot(state, PREFIX_LAYERS - 1, 0);
        state->outputs[i] += spikes[pixel * ((last->channels + 7) / 8) + (c >> 3)] >> (c & 7) & 1;
#else
        state->outputs[i] += state->membranes[last->neuron + pixel * last->channels + c];
#endif
    }
    state->step++;
}

int32_t PREFIX_class(const PREFIX_state *state)
{
    int32_t best = 0, i;
    for (i = 1; i < PREFIX_OUTPUTS; i++)
        if (state->outputs[i] > state->outputs[best])
            best = i;
    return best;
}

const char *PREFIX_label(int32_t output)
{
#if @LABELED@
    static const char *const labels[PREFIX_OUTPUTS] = {@LABELS@};
    return output >= 0 && output < PREFIX_OUTPUTS ? labels[output] : "";
#else
    (void)output;
    return "";
#endif
}

#endif
