// Priorities and policies, without privileges: what is kept, inherited, refused and told.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs/objects.h"

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t least_use, most_use;
};

static void niceness(void) {
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 5));
    SHOW(getpriority(PRIO_PROCESS, getpid()));
    SHOW(setpriority(PRIO_PROCESS, 0, 4));
    SHOW(setpriority(PRIO_PROCESS, 0, -30));
    SHOW(nice(2));
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 100));
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(3, 0, 0));
    SHOW(getpriority(-1, 0));
    SHOW(setpriority(PRIO_PROCESS, 0x3fffffff, 19));
    SHOW(getpriority(PRIO_PROCESS, 0x3fffffff));
    SHOW(getpriority(PRIO_PGRP, 0x3fffffff));
    SHOW(getpriority(PRIO_PGRP, 0));
    SHOW(setpriority(PRIO_PGRP, 0, 19));
}

static void* of_a_thread(void* unused) {
    (void)unused;
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, gettid(), 9));
    SHOW(getpriority(PRIO_PROCESS, 0));
    return NULL;
}

static void policies(void) {
    struct sched_param none = {0}, some = {7};
    SHOW(sched_getscheduler(0));
    SHOW(sched_setscheduler(0, SCHED_FIFO, &some));
    SHOW(sched_setscheduler(0, SCHED_RR, &none));
    SHOW(sched_setscheduler(0, SCHED_OTHER, &some));
    SHOW(sched_setscheduler(0, 77, &none));
    SHOW(sched_setscheduler(0, -1, &none));
    SHOW(sched_setscheduler(-1, SCHED_OTHER, &none));
    SHOW(sched_setscheduler(0x3fffffff, SCHED_OTHER, &none));
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL));
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, (void*)8));
    SHOW(sched_setscheduler(0, SCHED_BATCH, &none));
    SHOW(sched_getscheduler(getpid()));
    SHOW(sched_setparam(0, &some));
    SHOW(sched_setparam(0, &none));
    SHOW(sched_getparam(0, &some));
    SHOW(some.sched_priority);
    SHOW(syscall(SYS_sched_getparam, 0, NULL));
    SHOW(sched_getparam(-5, &some));
    SHOW(sched_setscheduler(0, SCHED_IDLE | SCHED_RESET_ON_FORK, &none));
    SHOW(sched_getscheduler(0));
    fflush(stdout);
    if (fork() == 0) {
        SHOW(sched_getscheduler(0));
        _exit(0);
    }
    wait(NULL);
    SHOW(sched_setscheduler(0, SCHED_IDLE, &none));
    for (int policy = -1; policy < 7; policy++) {
        SHOW(sched_get_priority_min(policy));
        SHOW(sched_get_priority_max(policy));
    }
}

static long set(struct attributes* a, unsigned flags) {
    return syscall(SYS_sched_setattr, 0, a, flags);
}

static void attributes(void) {
    struct attributes a = {0};
    SHOW(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
    printf("size %u policy %u flags %lu nice %d priority %u\n", a.size, a.policy, (unsigned long)a.flags,
           a.nice, a.priority);
    SHOW(syscall(SYS_sched_getattr, 0, &a, 48, 0));
    printf("size %u\n", a.size);
    SHOW(syscall(SYS_sched_getattr, 0, &a, 47, 0));
    SHOW(syscall(SYS_sched_getattr, 0, &a, 5000, 0));
    SHOW(syscall(SYS_sched_getattr, 0, &a, sizeof a, 1));
    SHOW(syscall(SYS_sched_getattr, 0, NULL, sizeof a, 0));
    SHOW(syscall(SYS_sched_getattr, -1, &a, sizeof a, 0));
    SHOW(syscall(SYS_sched_getattr, 0x3fffffff, &a, sizeof a, 0));
    a = (struct attributes){.size = 48, .policy = SCHED_IDLE, .nice = 19, .flags = 1};
    SHOW(set(&a, 0));
    SHOW(set(&a, 1));
    a.size = 20;
    SHOW(set(&a, 0));
    printf("size %u\n", a.size);
    a.size = 48, a.policy = SCHED_FIFO, a.priority = 3, a.flags = 1;
    SHOW(set(&a, 0));
    a.policy = SCHED_IDLE;
    SHOW(set(&a, 0));
    a.priority = 0, a.flags = 1ull << 40;
    SHOW(set(&a, 0));
    a.flags = 1, a.policy = 1u << 31;
    SHOW(set(&a, 0));
    char larger[80] = {0};
    a = (struct attributes){.size = sizeof larger, .policy = SCHED_IDLE, .nice = 19, .flags = 1};
    memcpy(larger, &a, sizeof a);
    SHOW(syscall(SYS_sched_setattr, 0, larger, 0));
    larger[79] = 1;
    SHOW(syscall(SYS_sched_setattr, 0, larger, 0));
    printf("size %d\n", *(int*)larger);
    SHOW(sched_getscheduler(0));
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0) return 1;
    setpgid(0, 0);
    fflush(stdout);
    if (fork() == 0) {
        niceness();
        _exit(0);
    }
    wait(NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, of_a_thread, NULL);
    pthread_join(thread, NULL);
    SHOW(getpriority(PRIO_PROCESS, 0));
    policies();
    attributes();
    FILE* stat = fopen("/proc/self/stat", "r");
    char line[1000];
    const char* at = fgets(line, sizeof line, stat) != NULL ? strrchr(line, ')') + 2 : "";
    for (int field = 3; field < 18 && at != NULL; field++) at = strchr(at, ' ') + 1;
    printf("%.4s\n", at);
    return 0;
}
