// Lets a secret pass between processes in every way that stays inside, and leaves it there:
// shared memory of all kinds, a tmpfs with its names, locks, pipes, arguments, environment. The
// secret is computed, so it lies in no file: secrecy_test.cpp does the same. What is
// published, to standard output and to /data/published, is to be found.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kSize = 48 };

#define CHECK(condition)                                       \
    do {                                                       \
        if (!(condition)) {                                    \
            dprintf(2, "line %d: %s\n", __LINE__, #condition); \
            _exit(1);                                          \
        }                                                      \
    } while (0)

static char secret[kSize + 1];

static void make(char* text, int variant) {
    for (int i = 0; i < kSize; i++) text[i] = (char)('A' + (i * i * 7 + i * variant + 3) % 26);
}

static void wait_for(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

// A child writes it there, the parent reads it.
static void share(char* memory) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        memcpy(memory, secret, kSize);
        _exit(0);
    }
    wait_for(child);
    CHECK(memcmp(memory, secret, kSize) == 0);
}

static char* map_shared(int fd) {
    char* memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static void shared_memory(void) {
    share(map_shared(-1));
    const int file = memfd_create(secret, 0);
    CHECK(file >= 0 && ftruncate(file, 4096) == 0);
    share(map_shared(file));
    CHECK(pwrite(file, secret, kSize, 1000) == kSize);
    const int named = shm_open(secret, O_CREAT | O_RDWR, 0600);
    CHECK(named >= 0 && ftruncate(named, 4096) == 0);
    share(map_shared(named));
    const int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    char* memory = shmat(segment, NULL, 0);
    CHECK(segment >= 0 && memory != (char*)-1);
    share(memory);
}

static void files(void) {
    char path[128];
    long word;
    struct stat info;
    memcpy(&word, secret, sizeof word);
    snprintf(path, sizeof path, "/tmp/%s", secret);
    CHECK(mkdir(path, 0700) == 0 && chdir(path) == 0);
    const int file = open(secret, O_CREAT | O_RDWR, 0600);
    CHECK(file >= 0 && write(file, secret, kSize) == kSize);
    CHECK(symlink(secret, "link") == 0 && rename(secret, "b") == 0 && link("b", secret) == 0);
    CHECK(stat(path, &info) == 0 && utimensat(AT_FDCWD, "b", NULL, 0) == 0);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = word, .l_len = 1};
    CHECK(fcntl(file, F_SETLK, &lock) == 0 && flock(file, LOCK_EX) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(fcntl(file, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK && lock.l_start == word);
        _exit(0);
    }
    wait_for(child);
}

static void messages(void) {
    int fds[2], pair[2];
    char buffer[kSize];
    CHECK(pipe(fds) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(read(fds[0], buffer, kSize) == kSize && memcmp(buffer, secret, kSize) == 0);
        CHECK(send(pair[1], buffer, kSize, 0) == kSize);
        _exit(0);
    }
    CHECK(write(fds[1], secret, kSize) == kSize && recv(pair[0], buffer, kSize, 0) == kSize);
    wait_for(child);
    CHECK(write(fds[1], secret, kSize) == kSize);  // it stays there
}

static void execute(const char* program) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char variable[64];
        snprintf(variable, sizeof variable, "SECRET=%s", secret);
        char *arguments[] = {"again", secret, NULL}, *environment[] = {variable, NULL};
        execve(program, arguments, environment);
        _exit(1);
    }
    wait_for(child);
}

int main(int count, char** arguments) {
    char published[kSize + 1] = {0};
    make(secret, 5);
    make(published, 11);
    char* heap = strdup(secret);
    prctl(PR_SET_NAME, secret);
    setenv("SECRET", secret, 1);
    if (strcmp(arguments[0], "again") == 0)
        return count != 2 || strcmp(arguments[1], secret) != 0 || strcmp(getenv("SECRET"), secret) != 0;
    shared_memory();
    files();
    messages();
    execute("/program");
    const int file = open("/data/published", O_CREAT | O_WRONLY, 0600);
    CHECK(file >= 0 && write(file, published, kSize) == kSize);
    CHECK(strcmp(heap, secret) == 0 && write(1, published, kSize) == kSize);
    return 0;
}
