/* What the processor can run, how wide the named build is, and which sources it was built from. */
#include "vectors.h"

#ifndef SOURCES_DIGEST
#  define SOURCES_DIGEST "" /* setup.py gives it, as sources.py computes it */
#endif

const char *sources_digest(void) { return SOURCES_DIGEST; }

/* Output channels of one block of this build. */
int block_channels(void) { return BLOCK; }

/* Does the processor that runs this have what a build of the given vector width (in bytes) needs? */
int processor_has(int vector_bytes) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (vector_bytes == 64) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    if (vector_bytes == 32) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
#endif
    return vector_bytes == 16;
}
