/* A library for programs that cannot read the time-stamp counter themselves. */
#include "bench/programs/measure.h"

uint64_t ticks_now(void) __asm__("ticks");

uint64_t ticks_now(void) {
    return ticks();
}
