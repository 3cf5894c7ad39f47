/* A child writes to pages that it shares with its parent: ticks of a write that
   makes a copy. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/programs/measure.h"

enum { kPages = 256 };

int main(void) {
    char* pages = map_memory(kPages * kPage, MAP_PRIVATE);
    madvise(pages, kPages * kPage, MADV_NOHUGEPAGE);
    touch(pages, kPages * kPage);
    uint64_t* samples = (uint64_t*)map_memory(kPages * sizeof(uint64_t), MAP_SHARED);
    touch((char*)samples, kPages * sizeof(uint64_t));
    const long child = syscall(SYS_fork);
    if (child < 0) give_up("fork");
    if (child == 0) {
        for (int i = 0; i < kPages; i++) {
            const uint64_t begin = ticks();
            *(volatile char*)&pages[i * kPage] = 2;
            samples[i] = ticks() - begin;
        }
        syscall(SYS_exit_group, 0);
    }
    int status = 0;
    if (syscall(SYS_wait4, child, &status, 0, NULL) != child || status != 0) give_up("wait4");
    report("fault", median(samples, kPages));
    return 0;
}
