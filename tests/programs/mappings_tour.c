// Mapped files that nobody has touched yet: by the program, by its threads, by the system
// calls that read from them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kSize = 300000, kPages = (kSize + 4095) / 4096, kThreads = 8 };

static int file;
static sigjmp_buf fault;

static unsigned char expected(size_t i) {
    return (unsigned char)(i * 7 + i / 4096);
}

static unsigned char* map(size_t size, int protection, int flags, off_t offset) {
    void* at = mmap(NULL, size, protection, flags, file, offset);
    if (at == MAP_FAILED) {
        printf("mmap: %s\n", strerror(errno));
        exit(1);
    }
    return at;
}

static size_t wrong(const unsigned char* at, size_t begin, size_t end, size_t offset) {
    size_t count = 0;
    for (size_t i = begin; i < end; i++) count += at[i] != expected(i + offset);
    return count;
}

static void* look(void* at) {
    return (void*)wrong(at, 0, kSize, 0);
}

static void by_threads(void) {
    for (int round = 0; round < 5; round++) {
        unsigned char* at = map(kSize, PROT_READ, MAP_PRIVATE, 0);
        pthread_t threads[kThreads];
        size_t bad = 0;
        for (int i = 0; i < kThreads; i++) pthread_create(&threads[i], NULL, look, at);
        for (int i = 0; i < kThreads; i++) {
            void* result;
            pthread_join(threads[i], &result);
            bad += (size_t)result;
        }
        printf("threads: %zu wrong\n", bad);
        munmap(at, kSize);
    }
}

static void by_calls(void) {
    unsigned char* at = map(kSize, PROT_READ, MAP_PRIVATE, 0);
    const int out = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
    printf("write: %zd\n", write(out, at, kSize));
    struct iovec parts[2] = {{at + 4096, 100}, {at + 200000, 100}};
    unsigned char* again = map(kSize, PROT_READ, MAP_SHARED, 0);
    struct iovec others[2] = {{again + 4096, 100}, {again + 200000, 100}};
    printf("pwritev: %zd\n", pwritev(out, parts, 2, kSize));
    printf("pwritev: %zd\n", pwritev(out, others, 2, kSize + 200));
    unsigned char* copy = malloc(kSize + 400);
    printf("read back: %zd\n", pread(out, copy, kSize + 400, 0));
    printf("%zu wrong\n", wrong(copy, 0, kSize, 0));
    printf("parts: %zu %zu %zu %zu wrong\n", wrong(copy + kSize, 0, 100, 4096),
           wrong(copy + kSize + 100, 0, 100, 200000), wrong(copy + kSize + 200, 0, 100, 4096),
           wrong(copy + kSize + 300, 0, 100, 200000));
    // Into such pages nothing can be read, touched or not.
    unsigned char* third = map(kSize, PROT_READ, MAP_PRIVATE, 0);
    printf("read into it: %s\n", pread(file, third, 10, 0) < 0 ? strerror(errno) : "done");
    printf("touched: %d\n", third[0] == expected(0));
    printf("read into it: %s\n", pread(file, third, 10, 0) < 0 ? strerror(errno) : "done");
    free(copy);
    close(out);
}

// A path that lies in an untouched page.
static void path_in_a_file(void) {
    const int names = open("names", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (ftruncate(names, 200000) != 0 || pwrite(names, "data", 4, 150000) != 4) return;
    close(names);
    const int fd = open("names", O_RDONLY);
    const char* at = mmap(NULL, 200000, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    struct stat info;
    printf("stat: %d", stat(at + 150000, &info));
    printf(" %ld\n", (long)info.st_size);
}

static void changes(void) {
    unsigned char* at = map(kSize, PROT_READ, MAP_PRIVATE, 0);
    printf("mprotect: %d\n", mprotect(at + 8192, 8192, PROT_READ | PROT_WRITE));
    at[8192] ^= 1;
    printf("%zu wrong\n", wrong(at, 0, kSize, 0));
    munmap(at + 65536, 65536);
    printf("%zu wrong\n", wrong(at, 0, 65536, 0) + wrong(at, 131072, kSize, 0));
    at = map(kSize, PROT_NONE, MAP_PRIVATE, 0);
    printf("mprotect: %d\n", mprotect(at, kSize, PROT_READ));
    printf("%zu wrong\n", wrong(at, 0, kSize, 0));
    at = map(131072, PROT_READ, MAP_PRIVATE, 65536);
    unsigned char* other = mremap(at, 131072, 65536, 0);
    printf("shrunk: %d, %zu wrong\n", other == at, wrong(other, 0, 65536, 65536));
    at = map(65536, PROT_READ, MAP_PRIVATE, 12288);
    unsigned char* room = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    other = mremap(at, 65536, 65536, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    printf("moved: %d, %zu wrong\n", other == room, wrong(other, 0, 65536, 12288));
    // Over a part of an untouched mapping.
    at = map(kSize, PROT_READ, MAP_PRIVATE, 0);
    mmap(at + 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("a hole of zeros: %d %d %d\n", at[4096], at[8191], at[8192] == expected(8192));
    printf("around it: %zu wrong\n", wrong(at, 0, 4096, 0) + wrong(at, 8192, kSize, 0));
}

static void on_fault(int number) {
    siglongjmp(fault, number);
}

static void forbidden(void) {
    signal(SIGSEGV, on_fault);
    unsigned char* volatile at = map(kSize, PROT_READ, MAP_PRIVATE, 0);
    int number = sigsetjmp(fault, 1);
    if (number == 0) at[100000] = 1;
    printf("writing: signal %d\n", number);
    number = sigsetjmp(fault, 1);
    if (number == 0) ((void (*)(void))(at + 100000))();
    printf("executing: signal %d\n", number);
    printf("%zu wrong\n", wrong(at, 0, kSize, 0));
    at = map(kSize, PROT_NONE, MAP_PRIVATE, 0);
    number = sigsetjmp(fault, 1);
    if (number == 0) printf("%d\n", at[0]);
    printf("reading: signal %d\n", number);
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    const int made = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unsigned char* content = malloc(kSize);
    for (size_t i = 0; i < kSize; i++) content[i] = expected(i);
    if (write(made, content, kSize) != kSize) return 1;
    close(made);
    file = open("data", O_RDONLY);
    by_threads();
    by_calls();
    path_in_a_file();
    changes();
    forbidden();
    unsigned char* last = map(kPages * 4096, PROT_READ, MAP_PRIVATE, 0);
    close(file);
    printf("after close: %zu wrong, beyond the end %d %d\n", wrong(last, 0, kSize, 0), last[kSize],
           last[kPages * 4096 - 1]);
    return 0;
}
