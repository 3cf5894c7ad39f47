/* idle_children MIB: how much free memory 1,000 forked children of a process with
   a touched heap of MIB take when each has written to one page of it and waits, in
   KiB each, by /proc/meminfo. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/programs/measure.h"

enum { kChildren = 1000 };

static long free_kib(void) {
    FILE* file = fopen("/proc/meminfo", "r");
    if (file == NULL) give_up("/proc/meminfo");
    char line[128];
    long kib = -1;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "MemFree:", 8) == 0) kib = strtol(line + 8, NULL, 10);
    }
    fclose(file);
    return kib;
}

static void settle(void) {
    const struct timespec a_while = {.tv_nsec = 200 * 1000 * 1000};
    nanosleep(&a_while, NULL);
}

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const struct rlimit many = {1 << 16, 1 << 16};
    setrlimit(RLIMIT_NPROC, &many);
    char* heap = make_heap(strtoul(argv[1], NULL, 10) << 20, 0);
    volatile int* arrived = (volatile int*)map_memory(kPage, MAP_SHARED);
    *arrived = 0;
    free_kib(); /* so that its own buffers are there */
    settle();
    const long before = free_kib();
    static long children[kChildren];
    for (int i = 0; i < kChildren; i++) {
        children[i] = syscall(SYS_fork);
        if (children[i] == 0) {
            *(volatile char*)heap = 2;
            __atomic_fetch_add(arrived, 1, __ATOMIC_SEQ_CST);
            for (;;) pause();
        }
        if (children[i] < 0) give_up("fork");
    }
    while (*arrived < kChildren) syscall(SYS_sched_yield);
    settle();
    const long after = free_kib();
    for (int i = 0; i < kChildren; i++) kill((pid_t)children[i], SIGKILL);
    for (int i = 0; i < kChildren; i++) syscall(SYS_wait4, children[i], NULL, 0, NULL);
    report("kib_each", (double)(before - after) / kChildren);
    return 0;
}
