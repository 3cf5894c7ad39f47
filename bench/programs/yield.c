/* Two threads on one CPU that do nothing but yield to each other: ticks per switch. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/programs/measure.h"

enum { kRounds = 101, kYields = 20, kPractice = 10 };

static volatile uint64_t others_turns;
static volatile int done;

/* Without it Linux lets a thread that yields go on at times; an enclave ignores it. */
static void ask_for_strict_turns(void) {
    const struct sched_param parameter = {.sched_priority = 1};
    syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &parameter);
}

static void* other(void* argument) {
    ask_for_strict_turns();
    while (!done) {
        others_turns++;
        syscall(SYS_sched_yield);
    }
    return argument;
}

int main(void) {
    pthread_t thread;
    errno = pthread_create(&thread, NULL, other, NULL);
    if (errno != 0) give_up("pthread_create");
    while (others_turns == 0) syscall(SYS_sched_yield);
    ask_for_strict_turns();
    for (int i = 0; i < kPractice; i++) syscall(SYS_sched_yield);

    uint64_t samples[kRounds];
    const uint64_t turns_before = others_turns;
    for (int i = 0; i < kRounds; i++) {
        const uint64_t begin = ticks();
        for (int k = 0; k < kYields; k++) syscall(SYS_sched_yield);
        samples[i] = ticks() - begin;
    }
    const double turns = (double)(others_turns - turns_before);
    done = 1;
    pthread_join(thread, NULL);

    const double expected = (double)kRounds * kYields;
    if (turns < 0.95 * expected || turns > 1.05 * expected) {
        fprintf(stderr, "the threads did not take turns: %.0f for %.0f\n", turns, expected);
        return 1;
    }
    report("switch", median(samples, kRounds) / (2 * kYields));
    return 0;
}
