// A walk through libc whose output is the same on every correct Linux: the
// tests compare it byte for byte between an enclave and a native run.
// Run in an empty directory.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static uint32_t state = 12345;
static uint32_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void check(const char* what, int ok) {
    printf("%-40s %s\n", what, ok ? "ok" : "WRONG");
}

static void formats(void) {
    printf("[%5d|%-8s|%08.3f|%+e|%#x|%" PRIu64 "|%c|%%|%p]\n", 42, "left", 3.14159, -12345.678, 255u,
           UINT64_MAX, 'q', (void*)0);
    char text[64];
    int written = snprintf(text, sizeof text, "%.20s", "a string that is longer than that");
    printf("%d %s\n", written, text);
    int a;
    double b;
    char word[16];
    int fields = sscanf("17 2.5 word", "%d %lf %15s", &a, &b, word);
    printf("%d %d %.2f %s\n", fields, a, b, word);
    printf("%ld %lu %.6f\n", strtol("-0x7f", NULL, 0), strtoul("755", NULL, 8), strtod("1e-3", NULL));
    printf("%.10f %.10f %.10f\n", sin(1.0), exp(1.0), sqrt(2.0));
}

static int compare(const void* a, const void* b) {
    uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
    return x < y ? -1 : x > y;
}

static void sorting(void) {
    enum { kCount = 50000 };
    uint32_t* values = malloc(kCount * sizeof *values);
    for (int i = 0; i < kCount; i++) values[i] = next_random();
    qsort(values, kCount, sizeof *values, compare);
    int ordered = 1;
    uint64_t sum = 0;
    for (int i = 0; i < kCount; i++) {
        if (i && values[i - 1] > values[i]) ordered = 0;
        sum = sum * 31 + values[i];
    }
    check("qsort orders", ordered);
    printf("checksum %016" PRIx64 "\n", sum);
    uint32_t key = values[777];
    check("bsearch finds", bsearch(&key, values, kCount, sizeof *values, compare) != NULL);
    free(values);
}

static void heap(void) {
    enum { kSlots = 512 };
    static unsigned char* slots[kSlots];
    static size_t sizes[kSlots];
    int intact = 1;
    for (int i = 0; i < 40000; i++) {
        unsigned slot = next_random() % kSlots;
        if (slots[slot]) {
            for (size_t j = 0; j < sizes[slot]; j += 97)
                intact &= slots[slot][j] == (unsigned char)(slot + j);
            if (next_random() % 3 == 0) {
                free(slots[slot]);
                slots[slot] = NULL;
                continue;
            }
        }
        // Now and then large enough for a mapping of its own.
        size_t size = next_random() % 64 == 0 ? 200000 + next_random() % 300000 : 1 + next_random() % 3000;
        unsigned char* block = realloc(slots[slot], size);
        if (!block) {
            puts("realloc failed");
            exit(1);
        }
        for (size_t j = 0; j < size; j++) block[j] = (unsigned char)(slot + j);
        slots[slot] = block;
        sizes[slot] = size;
    }
    for (int i = 0; i < kSlots; i++) free(slots[i]);
    check("heap intact after 40000 steps", intact);
    void* aligned = NULL;
    check("posix_memalign", posix_memalign(&aligned, 4096, 100) == 0 && (uintptr_t)aligned % 4096 == 0);
    free(aligned);
}

static void clocks(void) {
    struct timespec previous, now;
    clock_gettime(CLOCK_MONOTONIC, &previous);
    int forwards = 1;
    for (int i = 0; i < 20000; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec < previous.tv_sec || (now.tv_sec == previous.tv_sec && now.tv_nsec < previous.tv_nsec))
            forwards = 0;
        previous = now;
    }
    check("monotonic clock never goes back", forwards);
    struct timespec before, after, pause = {0, 20000000};
    clock_gettime(CLOCK_MONOTONIC, &before);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t slept = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
    check("nanosleep sleeps long enough", slept >= 20000000);
    check("nanosleep does not oversleep by 5 s", slept < 5000000000LL);
    check("time is after 2023", time(NULL) > 1672531200);
    struct timeval tv;
    gettimeofday(&tv, NULL);
    check("gettimeofday agrees with time", labs((long)(tv.tv_sec - time(NULL))) <= 1);
    time_t fixed = 1000000000;
    char text[64];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime(&fixed));
    puts(text);
}

static int by_name(const void* a, const void* b) {
    return strcmp(*(char* const*)a, *(char* const*)b);
}

static void files(void) {
    FILE* f = fopen("tour.txt", "w+");
    if (!f) {
        perror("fopen");
        exit(1);
    }
    for (int i = 0; i < 1000; i++) fprintf(f, "line %d\n", i);
    fseek(f, 0, SEEK_SET);
    char line[64];
    int lines = 0;
    while (fgets(line, sizeof line, f)) lines++;
    printf("%d lines, position %ld, last %s", lines, ftell(f), line);
    fclose(f);

    struct stat st;
    stat("tour.txt", &st);
    printf("size %lld, regular %d, links %ld\n", (long long)st.st_size, S_ISREG(st.st_mode),
           (long)st.st_nlink);
    check("access of what is not there", access("absent", F_OK) == -1 && errno == ENOENT);
    check("open of what is not there", open("absent", O_RDONLY) == -1 && errno == ENOENT);
    check("write to a closed descriptor", write(77, "x", 1) == -1 && errno == EBADF);
    check("read of a bad pointer", ({
              int fd = open("tour.txt", O_RDONLY);
              ssize_t n = read(fd, (void*)16, 10);
              int e = errno;
              close(fd);
              n == -1 && e == EFAULT;
          }));

    mkdir("dir", 0755);
    check("mkdir twice", mkdir("dir", 0755) == -1 && errno == EEXIST);
    for (int i = 0; i < 200; i++) {
        char path[64];
        snprintf(path, sizeof path, "dir/file-with-a-somewhat-long-name-%03d", i);
        int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
        dprintf(fd, "%d", i);
        close(fd);
    }
    DIR* dir = opendir("dir");
    char* names[300];
    int count = 0;
    for (struct dirent* entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') names[count++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, count, sizeof *names, by_name);
    printf("%d entries, %s .. %s\n", count, names[0], names[count - 1]);
    for (int i = 0; i < count; i++) {
        char path[300];
        snprintf(path, sizeof path, "dir/%s", names[i]);
        unlink(path);
        free(names[i]);
    }
    check("rmdir", rmdir("dir") == 0);

    symlink("tour.txt", "link");
    char target[64];
    ssize_t length = readlink("link", target, sizeof target);
    printf("link -> %.*s\n", (int)length, target);
    rename("link", "moved");
    check("lstat of a symbolic link", lstat("moved", &st) == 0 && S_ISLNK(st.st_mode));
    unlink("moved");

    int fd = open("vector", O_CREAT | O_RDWR | O_TRUNC, 0600);
    struct iovec out[3] = {{"one ", 4}, {"two ", 4}, {"three\n", 6}};
    printf("writev %zd\n", writev(fd, out, 3));
    char first[6] = {0}, second[16] = {0};
    struct iovec in[2] = {{first, 5}, {second, 15}};
    lseek(fd, 0, SEEK_SET);
    printf("readv %zd", readv(fd, in, 2));
    printf(" [%s] [%s]", first, second);
    pwrite(fd, "ONE", 3, 0);
    pread(fd, first, 3, 0);
    printf(" %.3s %lld\n", first, (long long)lseek(fd, 0, SEEK_CUR));
    check("ftruncate", ftruncate(fd, 100000) == 0 && fstat(fd, &st) == 0 && st.st_size == 100000);
    int copy = dup(fd);
    check("dup shares the position", lseek(copy, 7, SEEK_SET) == 7 && lseek(fd, 0, SEEK_CUR) == 7);
    check("dup2 to a chosen number", dup2(fd, 50) == 50 && close(50) == 0);
    check("lowest free descriptor", close(copy) == 0 && dup(fd) == copy && close(copy) == 0);
    check("fcntl close-on-exec", fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    close(fd);
    unlink("vector");
    unlink("tour.txt");

    int ends[2];
    check("pipe", pipe(ends) == 0 && write(ends[1], "through", 7) == 7 && read(ends[0], target, 64) == 7 &&
                      memcmp(target, "through", 7) == 0);
    close(ends[1]);
    check("end of a pipe", read(ends[0], target, 1) == 0);
    close(ends[0]);
}

static void mappings(void) {
    size_t size = 1 << 20;
    unsigned char* p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int zero = 1;
    for (size_t i = 0; i < size; i += 511) zero &= p[i] == 0;
    check("anonymous memory is zero", zero);
    memset(p, 0xa5, size);
    check("mprotect to read-only", mprotect(p, size, PROT_READ) == 0 && p[size - 1] == 0xa5);
    check("mprotect back", mprotect(p, size, PROT_READ | PROT_WRITE) == 0);
    p = mremap(p, size, 3 * size, MREMAP_MAYMOVE);
    check("mremap keeps and extends", p != MAP_FAILED && p[size - 1] == 0xa5 && p[size] == 0);
    check("munmap of the middle", munmap(p + size, size) == 0);
    p[2 * size + 1] = 7;
    check("both sides stay", p[0] == 0xa5 && p[2 * size + 1] == 7);
    check("madvise discards", madvise(p, 4096, MADV_DONTNEED) == 0 && p[0] == 0 && p[4096] == 0xa5);
    munmap(p, 3 * size);
    int fd = open("mapped", O_CREAT | O_RDWR, 0600);
    for (int i = 0; i < 3000; i++) dprintf(fd, "%07d\n", i);
    char* file = mmap(NULL, 24000, PROT_READ, MAP_PRIVATE, fd, 0);
    check("file mapping shows the file", file != MAP_FAILED && memcmp(file + 8 * 2999, "0002999\n", 8) == 0);
    check("rest of the last page is zero", file[24000] == 0);
    munmap(file, 24000);
    char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
    page[0] = 'X';
    char byte;
    check("private changes stay private", pread(fd, &byte, 1, 4096) == 1 && byte == '0');
    munmap(page, 4096);
    close(fd);
    unlink("mapped");
    // Directly: musl's sbrk only ever answers the present end.
    char* start = (char*)syscall(SYS_brk, 0);
    check("brk grows", (char*)syscall(SYS_brk, start + 65536) == start + 65536 && start[65535] == 0);
    check("brk shrinks", (char*)syscall(SYS_brk, start) == start);
}

static sigjmp_buf escape;
static volatile sig_atomic_t seen_signal, seen_code;
static void* volatile seen_address;

static void on_fault(int number, siginfo_t* info, void* context) {
    (void)context;
    seen_signal = number;
    seen_code = info->si_code;
    seen_address = info->si_addr;
    siglongjmp(escape, 1);
}

static void on_user_signal(int number) {
    seen_signal = number;
}

static void signals(void) {
    struct sigaction action = {0};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    for (int i = 0; i < 3; i++) {
        seen_signal = 0;
        volatile int* nowhere = (volatile int*)(uintptr_t)(0x10 + 0x1000 * i);
        if (sigsetjmp(escape, 1) == 0) *nowhere = 1;
        printf("signal %d code %d address %p\n", (int)seen_signal, (int)seen_code, seen_address);
    }
    char* page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sigsetjmp(escape, 1) == 0) *(volatile char*)page = 1;
    printf("signal %d code %d, address right %d\n", (int)seen_signal, (int)seen_code, seen_address == page);
    munmap(page, 4096);
    volatile int zero = 0, one = 1;
    if (sigsetjmp(escape, 1) == 0) one = one / zero;
    printf("signal %d code %d\n", (int)seen_signal, (int)seen_code);
    if (sigsetjmp(escape, 1) == 0) __asm__ volatile("ud2");
    printf("signal %d\n", (int)seen_signal);

    signal(SIGUSR1, on_user_signal);
    seen_signal = 0;
    raise(SIGUSR1);
    printf("raised, seen %d\n", seen_signal == SIGUSR1);
    sigset_t block, pending;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    seen_signal = 0;
    raise(SIGUSR1);
    sigpending(&pending);
    printf("blocked: seen %d pending %d\n", (int)seen_signal, sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    printf("unblocked: seen %d\n", seen_signal == SIGUSR1);
}

static void randomness(void) {
    unsigned char a[32], b[32];
    check("getrandom gives what is asked", getrandom(a, 32, 0) == 32 && getrandom(b, 32, 0) == 32);
    check("getrandom differs", memcmp(a, b, 32) != 0);
}

int main(int argc, char** argv, char** environment) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) printf("argument %d: [%s]\n", i, argv[i]);
    for (char** e = environment; *e; e++)
        if (strncmp(*e, "TOUR_", 5) == 0) puts(*e);
    printf("LONG %zu\n", getenv("TOUR_LONG") ? strlen(getenv("TOUR_LONG")) : 0);
    formats();
    sorting();
    heap();
    clocks();
    files();
    mappings();
    signals();
    randomness();
    printf("page size %ld, cpus at least 1: %d\n", sysconf(_SC_PAGESIZE), sysconf(_SC_NPROCESSORS_ONLN) >= 1);
    printf("pid positive %d, uid %d\n", getpid() > 0, (int)getuid());
    char path[PATH_MAX];
    check("getcwd is absolute", getcwd(path, sizeof path) != NULL && path[0] == '/');
    char line[128];
    while (fgets(line, sizeof line, stdin)) printf("stdin: %s", line);
    fprintf(stderr, "to stderr\n");
    return argc > 1 ? atoi(argv[1]) : 0;
}
