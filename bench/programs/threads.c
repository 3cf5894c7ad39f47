/* Ticks to make a thread that does nothing and to join it. */
#include <errno.h>
#include <pthread.h>

#include "bench/programs/measure.h"

enum { kRounds = 201, kPractice = 4 };

static void* nothing(void* argument) {
    return argument;
}

int main(void) {
    uint64_t samples[kRounds];
    for (int i = -kPractice; i < kRounds; i++) {
        const uint64_t begin = ticks();
        pthread_t thread;
        errno = pthread_create(&thread, NULL, nothing, NULL);
        if (errno != 0) give_up("pthread_create");
        errno = pthread_join(thread, NULL);
        if (errno != 0) give_up("pthread_join");
        if (i >= 0) samples[i] = ticks() - begin;
    }
    report("create_join", median(samples, kRounds));
    return 0;
}
