/* Runs natively, in a Linux guest or in an enclave, and prints ticks of the TSC
   per operation: instructions under -icount, time elsewhere. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

enum { kRounds = 1000, kPages = 1024 };

static uint64_t empty_loop;

#define MEASURE(name, rounds, operation)                                                         \
    do {                                                                                         \
        for (int i = 0; i < 10; i++) operation;                                                  \
        uint64_t begin = __rdtsc();                                                              \
        for (int i = 0; i < (rounds); i++) operation;                                            \
        uint64_t ticks = __rdtsc() - begin;                                                      \
        printf("%s %.1f\n", name, (double)(ticks - empty_loop * (rounds) / kRounds) / (rounds)); \
    } while (0)

static void faults(void) {
    char* memory = mmap(NULL, kPages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) abort();
    for (int i = 0; i < 16; i++) memory[i * 4096] = 1;
    uint64_t begin = __rdtsc();
    for (int i = 16; i < kPages; i++) *(volatile char*)&memory[i * 4096] = 1;
    printf("fault_anonymous %.1f\n", (double)(__rdtsc() - begin) / (kPages - 16));
    munmap(memory, kPages * 4096);
}

/* The waiting for the host is not the enclave's work. The Linux runtime counts
   its rounds of waiting and the doorbells it rings in its thread block; total =
   work + rounds * a, so the work is the intercept of the line through all samples. */
static void forwarded_write(int fd, int in_enclave) {
    volatile uint64_t* counts = (volatile uint64_t*)(0x7f2000000000 + 0x40 + 22 * 8);
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, least = 1e18, rings = 0;
    for (int i = 0; i < kRounds; i++) {
        uint64_t rings_before = in_enclave ? counts[0] : 0, rounds = in_enclave ? counts[1] : 0;
        uint64_t begin = __rdtsc();
        if (write(fd, "x", 1) != 1) abort();
        double y = (double)(__rdtsc() - begin);
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
    printf("write_1_byte %.1f\n", n > 0 ? (sy - slope * sx) / n : least);
    printf("write_1_byte_samples %.0f\n", n);
    printf("write_1_byte_doorbells %.0f\n", rings);
}

int main(int argc, char** argv) {
    uint64_t start = __rdtsc();
    printf("main_reached %llu\n", (unsigned long long)start);
    uint64_t begin = __rdtsc();
    for (int i = 0; i < kRounds; i++) __asm__ volatile("");
    empty_loop = __rdtsc() - begin;
    MEASURE("getppid", kRounds, syscall(SYS_getppid));
    struct timespec now;
    MEASURE("clock_gettime", kRounds, clock_gettime(CLOCK_MONOTONIC, &now));
    faults();
    MEASURE("mmap_munmap", kRounds,
            munmap(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096));
    MEASURE("mmap_touch_munmap", kRounds, ({
                char* p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                *(volatile char*)p = 1;
                munmap(p, 4096);
            }));
    int fd = open(argc > 1 ? argv[1] : "/dev/null", O_WRONLY | O_CREAT, 0600);
    if (fd < 0) {
        perror("open");
        return 1;
    }
    forwarded_write(fd, argc > 2);
    return 0;
}
