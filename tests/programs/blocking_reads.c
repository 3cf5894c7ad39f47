/* Reads that take their time: each from a FIFO of its own whose writer answers a
   byte 20 ms after it was asked. The same number of reads by one thread and by 64.
   Usage: blocking_reads DIRECTORY; with `answer` before it, the other side. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { kThreads = 64, kReads = 128 };
static const char* directory;

static int open_end(const char* name, intptr_t index, int flags) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%d", directory, name, (int)index);
    if (mkfifo(path, 0600) != 0 && errno != EEXIST) perror(path);
    int fd = open(path, flags);
    if (fd < 0) perror(path);
    return fd;
}

static void* answer(void* index) {
    char byte;
    int asked = open_end("ask", (intptr_t)index, O_RDONLY);
    int answered = open_end("answer", (intptr_t)index, O_WRONLY);
    while (read(asked, &byte, 1) == 1) {
        usleep(20000);
        if (write(answered, &byte, 1) != 1) break;
    }
    return NULL;
}

static int asks[kThreads], answers[kThreads];
static int share;
static void* read_some(void* index) {
    char byte;
    for (int i = 0; i < share; i++) {
        if (write(asks[(intptr_t)index], "x", 1) != 1) abort();
        if (read(answers[(intptr_t)index], &byte, 1) != 1) abort();
    }
    return NULL;
}

static double reads_per_second(int threads) {
    struct timespec begin, end;
    pthread_t all[kThreads];
    share = kReads / threads;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (intptr_t i = 0; i < threads; i++) {
        if (pthread_create(&all[i], NULL, read_some, (void*)i) != 0) abort();
    }
    for (int i = 0; i < threads; i++) pthread_join(all[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return kReads / ((double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
}

int main(int count, char** arguments) {
    pthread_t all[kThreads];
    if (count < 2) return 2;
    directory = arguments[count - 1];
    if (count > 2) {
        for (intptr_t i = 0; i < kThreads; i++) pthread_create(&all[i], NULL, answer, (void*)i);
        for (int i = 0; i < kThreads; i++) pthread_join(all[i], NULL);
        return 0;
    }
    for (intptr_t i = 0; i < kThreads; i++) {
        asks[i] = open_end("ask", i, O_WRONLY);
        answers[i] = open_end("answer", i, O_RDONLY);
    }
    double one = reads_per_second(1), many = reads_per_second(kThreads);
    printf("one thread: %.0f reads/s, %d threads: %.0f reads/s\n", one, kThreads, many);
    printf("ratio %.1f\n", many / one);
    return 0;
}
