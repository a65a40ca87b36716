/* Runs frames from a file through a network and writes the state of every step: membranes, then spikes. For tests of a header. */
#include <stdio.h>
#include <stdlib.h>

#define PREFIX_IMPLEMENTATION
#include "network.h"

static PREFIX_state state;

static int run(FILE *frames, FILE *trace, long samples, long per_sample)
{
    static PREFIX_value values[PREFIX_INPUTS];
    long b;
    for (b = 0; b < samples; b++) {
        int t;
        PREFIX_reset(&state);
        for (t = 0; t < PREFIX_TIMESTEPS; t++) {
            const size_t wanted = t < per_sample ? PREFIX_INPUTS : 0;
            if (fread(values, sizeof *values, wanted, frames) != wanted)
                return 3;
            PREFIX_step(&state, values);
            if (fwrite(state.membranes, sizeof *state.membranes, PREFIX_NEURONS, trace) != PREFIX_NEURONS ||
                fwrite(state.spikes, 1, PREFIX_SPIKE_BYTES, trace) != PREFIX_SPIKE_BYTES)
                return 4;
        }
        if (fwrite(state.outputs, sizeof *state.outputs, PREFIX_OUTPUTS, trace) != PREFIX_OUTPUTS)
            return 4;
    }
    return 0;
}

int main(int count, char **arguments)
{
    FILE *frames, *trace;
    int status;
    if (count != 5)
        return 2;
    frames = fopen(arguments[1], "rb");
    trace = fopen(arguments[2], "wb");
    if (!frames || !trace)
        return 2;
    status = run(frames, trace, atol(arguments[3]), atol(arguments[4]));
    fclose(frames);
    return fclose(trace) ? 4 : status;
}
