// Mappings of files that are written through them: what other mappings, processes and calls see of it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096, kSize = 2 * kPage + 1000 };

static sigjmp_buf out;
static void on_bus(int number, siginfo_t* info, void* context) {
    (void)number, (void)context;
    printf("SIGBUS code %d\n", info->si_code);
    siglongjmp(out, 1);
}

static void show(const char* what, long result) {
    if (result < 0) {
        printf("%s: %s\n", what, strerror(errno));
    } else {
        printf("%s: %ld\n", what, result);
    }
}

static char* map(int fd, size_t size, int protection, off_t offset) {
    char* at = mmap(NULL, size, protection, MAP_SHARED, fd, offset);
    if (at == MAP_FAILED) printf("mmap: %s\n", strerror(errno));
    return at == MAP_FAILED ? NULL : at;
}

static void read_at(int fd, off_t offset, size_t size) {
    char text[64] = {0};
    show(text, pread(fd, text, size, offset));
    printf("at %ld: %s\n", (long)offset, text);
}

static void calls_and_stores(int fd) {
    char* a = map(fd, kSize, PROT_READ | PROT_WRITE, 0);
    char* b = map(fd, kPage, PROT_READ, kPage);
    strcpy(a + kPage + 10, "stored");
    printf("other mapping: %s\n", b + 10);
    read_at(fd, kPage + 10, 6);
    show("pwrite", pwrite(fd, "called", 6, kPage + 100));
    printf("mappings: %.6s %.6s\n", a + kPage + 100, b + 100);
    show("lseek", lseek(fd, kPage - 3, SEEK_SET));
    show("write", write(fd, "across", 6));
    printf("mapping: %.6s\n", a + kPage - 3);
    // Through another description, and after the first was closed.
    const int other = open("mapped", O_RDWR);
    a[kPage + 200] = 'X';
    read_at(other, kPage + 200, 1);
    show("pwrite", pwrite(other, "more", 4, 300));
    printf("mapping: %.4s\n", a + 300);
    show("msync", msync(a, kSize, MS_SYNC));
    show("msync", msync(a + kPage, kPage, MS_ASYNC));
    show("msync unaligned", msync(a + 1, kPage, MS_SYNC));
    close(other);
    // The bytes of the last page beyond the file's end are nobody's.
    strcpy(a + kSize - 3, "end and more");
    show("fsync", fsync(fd));
    struct stat info;
    fstat(fd, &info);
    printf("size %ld\n", (long)info.st_size);
    read_at(fd, kSize - 3, 10);
    show("munmap", munmap(a, kSize));
    printf("kept: %.6s\n", b + 10);
    munmap(b, kPage);
}

static void processes(int fd) {
    char* a = map(fd, kPage, PROT_READ | PROT_WRITE, 0);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        strcpy(a + 500, "from the child");
        const int own = open("mapped", O_RDWR);
        char* c = map(own, kPage, PROT_READ | PROT_WRITE, 0);
        close(own);
        strcpy(c + 600, "from its own mapping");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    printf("%s, %s\n", a + 500, a + 600);
    fflush(stdout);
    if (fork() == 0) {
        strcpy(a + 700, "before exec");
        execlp("true", "true", NULL);
        _exit(127);
    }
    wait(NULL);
    read_at(fd, 700, 11);
    munmap(a, kPage);
}

static void ends(int fd) {
    char* a = map(fd, 4 * kPage, PROT_READ | PROT_WRITE, 0);
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
    if (sigsetjmp(out, 1) == 0) a[3 * kPage] = 1;
    show("ftruncate", ftruncate(fd, 4 * kPage));
    strcpy(a + 3 * kPage, "there now");
    read_at(fd, 3 * kPage, 9);
    show("ftruncate", ftruncate(fd, 100));
    show("ftruncate", ftruncate(fd, 4 * kPage));
    printf("cut: %d %d\n", a[300], a[3 * kPage]);
    char* moved = mremap(a, 4 * kPage, 6 * kPage, MREMAP_MAYMOVE);
    show("mremap", moved != MAP_FAILED ? 0 : -1);
    strcpy(moved + kPage, "moved");
    show("munmap", munmap(moved, 6 * kPage));
    read_at(fd, kPage, 5);
}

static void refusals(void) {
    const int reads = open("mapped", O_RDONLY), writes = open("mapped", O_WRONLY);
    map(reads, kPage, PROT_READ | PROT_WRITE, 0);
    map(writes, kPage, PROT_WRITE, 0);
    map(writes, kPage, PROT_READ, 0);
    char* a = map(reads, kPage, PROT_READ, 0);
    show("mprotect", mprotect(a, kPage, PROT_READ | PROT_WRITE));
    const int both = open("mapped", O_RDWR);
    char* b = map(both, kPage, PROT_READ, 0);
    show("mprotect", mprotect(b, kPage, PROT_READ | PROT_WRITE));
    close(both);
    strcpy(b + 50, "after all");
    char* none = map(both, kPage, PROT_READ, 0);
    (void)none;
    munmap(b, kPage);
    read_at(reads, 50, 9);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0644);
    char bytes[kSize];
    for (int i = 0; i < kSize; i++) bytes[i] = (char)('a' + i % 23);
    show("write", write(fd, bytes, kSize));
    calls_and_stores(fd);
    processes(fd);
    ends(fd);
    refusals();
    // What is there when the program ends is the file's.
    char* last = map(fd, kPage, PROT_READ | PROT_WRITE, 0);
    strcpy(last + 10, "at the end");
    return 0;
}
