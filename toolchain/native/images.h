/* Layers and signals of 64 images to a word. */
#ifndef SNNC_IMAGES_H
#define SNNC_IMAGES_H

#include "lif.h"
#include "planes.h"

/* A layer of `cout` channels on ho x wo positions. `frames` is `steps`, or 1 where the input of all steps is the same. Sums have
   `planes` bits, sign included. `tile` vectors of a row run through all channels before the next.
   Mirrors ImagesStruct in library.py. */
typedef struct {
    int32_t steps, frames, cout, ho, wo, keep, vth, planes, tile, feeds;
} ImagesLayer;

/* bias      [cout], in membrane units
   spikes    [ho][cout][wo*steps] words
   membranes the same with 64 numbers for each word, lanes as in sums_of (images.c); or NULL
   Mirrors ImagesResultsStruct in library.py. */
typedef struct {
    const int32_t *bias;
    uint64_t *spikes;
    int32_t *membranes;
} Results64;

/* What a layer receives from one source, laid out by images_window. Mirrors FeedStruct in library.py.
   words    bit planes of the source, `plane` bytes from one to the next; if `negative`, the last one counts -2^k, else 2^k. The
            receptive fields of output row y start y*row bytes further on
   offsets  bytes from there to the lines of words that are added
   starts   [cout][minus, plus][levels] + 1: where the list of a channel, sign and digit 2^level begins; it ends where the next does */
typedef struct {
    const char *words;
    int64_t plane, row;
    const uint32_t *offsets, *starts;
    int32_t levels, planes, negative;
} Feed;

/* How a source is laid out for a layer: pooled, padded with zeros, and for each column of the kernel a line of its own, which holds
   what every output position sees there. So vectors of words are aligned, whatever the column and the stride.
   Mirrors WindowStruct in library.py. */
typedef struct {
    int32_t channels, planes, hin, win, frames_in;
    int32_t pool, pad_y, pad_x, stride_x, kw, wo, frames;
    int32_t rows, line; /* rows with padding; words from one line to the next, a multiple of a vector */
} Window;

#endif
