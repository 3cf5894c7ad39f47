/* What the programs share. Each prints lines "name value"; a tick is one guest
   instruction under -icount, and a unit of time elsewhere. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <x86intrin.h>

enum { kPage = 4096 };

static inline uint64_t ticks(void) {
    return __rdtsc();
}

static inline void report(const char* name, double value) {
    printf("%s %.1f\n", name, value);
}

static inline _Noreturn void give_up(const char* what) {
    perror(what);
    exit(1);
}

static inline char* map_memory(size_t size, int sharing) {
    void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up("mmap");
    return (char*)memory;
}

static inline void touch(char* memory, size_t size) {
    for (size_t i = 0; i < size; i += kPage) *(volatile char*)&memory[i] = 1;
}

/* Touched memory that is in pages of 4 KiB, or in pages of 2 MiB if the system has them. */
static inline char* make_heap(size_t size, int huge) {
    const size_t alignment = 2 << 20;
    const uintptr_t address = (uintptr_t)map_memory(size + alignment, MAP_PRIVATE | MAP_NORESERVE);
    char* heap = (char*)((address + alignment - 1) & ~(alignment - 1));
    madvise(heap, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    touch(heap, size);
    return heap;
}

static inline int compare_ticks(const void* a, const void* b) {
    const uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
    return x < y ? -1 : x > y;
}

static inline double median(uint64_t* samples, size_t count) {
    qsort(samples, count, sizeof *samples, compare_ticks);
    return (double)samples[count / 2];
}
