/* fork MIB [huge]: a process whose heap of MIB is touched forks. Ticks from the
   call to the child's first instruction, and until a child that touched one page
   of the heap and ended was waited for. The calls are made without libc's care
   for its own locks, which is the best case of a Linux guest. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/programs/measure.h"

enum { kMost = 101 };

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const size_t mib = strtoul(argv[1], NULL, 10);
    char* heap = make_heap(mib << 20, argc > 2 && strcmp(argv[2], "huge") == 0);
    volatile uint64_t* first = (volatile uint64_t*)map_memory(kPage, MAP_SHARED);
    *first = 0;
    const size_t rounds = mib >= 512 ? 5 : mib >= 64 ? 21 : kMost;
    uint64_t to_child[kMost], to_end[kMost];
    for (size_t i = 0; i < rounds + 1; i++) { /* one more, for practice */
        const uint64_t begin = ticks();
        const long child = syscall(SYS_fork);
        if (child == 0) {
            *first = ticks();
            *(volatile char*)heap = 2;
            syscall(SYS_exit_group, 0);
        }
        if (child < 0) give_up("fork");
        if (syscall(SYS_wait4, child, NULL, 0, NULL) != child) give_up("wait4");
        const uint64_t end = ticks();
        if (i > 0) to_child[i - 1] = *first - begin, to_end[i - 1] = end - begin;
    }
    report("child_first", median(to_child, rounds));
    report("touch_exit_wait", median(to_end, rounds));
    return 0;
}
