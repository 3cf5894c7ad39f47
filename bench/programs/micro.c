/* Small operations of the system, in ticks each: calls, faults, mappings.
   micro [FILE [enclave]]: writes to FILE, or to /dev/null. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/programs/measure.h"

enum { kBatches = 21, kBatch = 50, kPages = 8192, kWrites = 1000 };

static double empty_loop; /* of kBatch rounds */

/* The median over batches, so that the timer's interrupts of some do not show. */
#define MEASURE(name, operation)                                           \
    do {                                                                   \
        uint64_t batches[kBatches];                                        \
        for (int k = -1; k < kBatches; k++) { /* one more, for practice */ \
            const uint64_t begin = ticks();                                \
            for (int i = 0; i < kBatch; i++) operation;                    \
            if (k >= 0) batches[k] = ticks() - begin;                      \
        }                                                                  \
        report(name, (median(batches, kBatches) - empty_loop) / kBatch);   \
    } while (0)

/* What a page costs when it is touched: in pages of 4 KiB, or as the system likes. */
static void faults(const char* name, int as_it_likes) {
    const size_t size = kPages * kPage, practice = 512 * kPage;
    char* memory = map_memory(size, MAP_PRIVATE);
    if (!as_it_likes) madvise(memory, size, MADV_NOHUGEPAGE);
    touch(memory, practice);
    const uint64_t begin = ticks();
    touch(memory + practice, size - practice);
    report(name, (double)(ticks() - begin) * kPage / (double)(size - practice));
    munmap(memory, size);
}

/* The waiting for the host is not the enclave's work. The Linux runtime counts
   its rounds of waiting and the doorbells it rings in its thread block; total =
   work + rounds * a, so the work is the intercept of the line through all samples. */
static void forwarded_write(int fd, int in_enclave) {
    volatile uint64_t* counts = (volatile uint64_t*)(0x7f2000000000 + 0x40 + 22 * 8);
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, least = 1e18, rings = 0;
    for (int i = 0; i < kWrites; i++) {
        uint64_t rings_before = in_enclave ? counts[0] : 0, rounds = in_enclave ? counts[1] : 0;
        uint64_t begin = ticks();
        if (write(fd, "x", 1) != 1) give_up("write");
        double y = (double)(ticks() - begin);
        double x = in_enclave ? (double)(counts[1] - rounds) : 0;
        if (y < least) least = y;
        if (in_enclave && counts[0] != rings_before) {
            rings++; /* a kernel call to wake the proxy is in there */
            continue;
        }
        if (x > 1500) continue; /* it slept: the kernel's part is in there */
        n++, sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    double slope = n * sxx - sx * sx > 0 ? (n * sxy - sx * sy) / (n * sxx - sx * sx) : 0;
    report("write_1_byte", n > 0 ? (sy - slope * sx) / n : least);
    report("write_1_byte_samples", n);
    report("write_1_byte_doorbells", rings);
}

int main(int argc, char** argv) {
    report("main_reached", (double)ticks());
    const uint64_t begin = ticks();
    for (int i = 0; i < kBatch; i++) __asm__ volatile("");
    empty_loop = (double)(ticks() - begin);
    MEASURE("getppid", syscall(SYS_getppid));
    struct timespec now;
    MEASURE("clock_gettime", clock_gettime(CLOCK_MONOTONIC, &now));
    faults("fault_4k", 0);
    faults("fault_per_4k_as_it_likes", 1);
    MEASURE("mmap_munmap",
            munmap(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096));
    MEASURE("mmap_touch_munmap", ({
                char* p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                *(volatile char*)p = 1;
                munmap(p, 4096);
            }));
    int fd = open(argc > 1 ? argv[1] : "/dev/null", O_WRONLY | O_CREAT, 0600);
    if (fd < 0) give_up("open");
    forwarded_write(fd, argc > 2);
    return 0;
}
