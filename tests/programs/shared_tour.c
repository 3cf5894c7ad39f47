// Memory that processes share: anonymous, memfd, POSIX and System V segments, futexes in
// them; and pages that are written and executed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs/objects.h"

static int reap(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

static void anonymous(void) {
    const size_t size = 1 << 20;
    volatile uint32_t* shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[0] = 1;
    pid_t child = fork();
    if (child == 0) {
        shared[0] += 41;     // a page that the parent had touched
        shared[100000] = 7;  // and one that nobody had
        pid_t grandchild = fork();
        if (grandchild == 0) {
            shared[200000] = shared[0] + shared[100000];
            _exit(0);
        }
        _exit(reap(grandchild));
    }
    SHOW(reap(child));
    printf("%u %u %u %u\n", shared[0], shared[100000], shared[200000], shared[50000]);
    SHOW(mprotect((void*)shared, size, PROT_READ));
    printf("read only: %u\n", shared[0]);
    child = fork();
    if (child == 0) {
        shared[0] = 5;
        _exit(0);
    }
    SHOW(WTERMSIG(reap(child)));
    SHOW(mprotect((void*)shared, size, PROT_READ | PROT_WRITE));
    shared[0]++;
    volatile uint32_t* moved = mremap((void*)shared, size, size, MREMAP_MAYMOVE);
    printf("after mremap: %u\n", moved[0]);
    child = fork();
    if (child == 0) {
        munmap((void*)moved, 4096);
        moved[1024] = 9;
        _exit(0);
    }
    SHOW(reap(child));
    printf("%u %u\n", moved[0], moved[1024]);
    SHOW(madvise((void*)moved, size, MADV_DONTNEED));
    printf("still %u\n", moved[0]);
    SHOW(munmap((void*)moved, size));
}

// What is received cannot be received again: `shared` is memory that the children have not touched.
static void received(char* shared, size_t size) {
    static char message[2 * 4096];
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t name_size = sizeof name;
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    const int network = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(bind(network, (struct sockaddr*)&name, sizeof name));
    SHOW(getsockname(network, (struct sockaddr*)&name, &name_size));
    for (int i = 0; i < 4; i++) {
        const int from = i < 2 ? pair[0] : network, to = i < 2 ? pair[1] : network;
        memset(message, 'p' + i, sizeof message);
        if (i < 2)
            SHOW(send(from, message, sizeof message, 0));
        else
            SHOW(sendto(from, message, sizeof message, 0, (struct sockaddr*)&name, sizeof name));
        const pid_t child = fork();
        if (child == 0) {
            struct iovec parts[2] = {{shared, 5000}, {shared + 5000, size - 5000}};
            struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
            if (i % 2 == 0)
                SHOW(recv(to, shared, size, MSG_DONTWAIT));
            else
                SHOW(recvmsg(to, &header, MSG_DONTWAIT));
            printf("%c %c\n", shared[0], shared[sizeof message - 1]);
            _exit(0);
        }
        SHOW(reap(child));
    }
    close(pair[0]);
    close(pair[1]);
    close(network);
}

// Nor are a directory's entries told twice.
static void listed(char* shared, size_t size) {
    static char own[3 * 4096];
    const int directory = open("/usr/bin", O_RDONLY | O_DIRECTORY);
    const long expected = syscall(SYS_getdents64, directory, own, size);
    lseek(directory, 0, SEEK_SET);
    const pid_t child = fork();
    if (child == 0) {
        printf("as many: %d\n", syscall(SYS_getdents64, directory, shared, size) == expected);
        _exit(0);
    }
    SHOW(reap(child));
    close(directory);
}

// Calls whose buffer reaches into pages that others touched, and this process did not.
static void buffers(void) {
    enum { kPage = 4096, kSize = 4 * kPage };
    char* shared = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int file = memfd_create("buffers", 0);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < kSize; i++) shared[i] = (char)('a' + i / kPage);
        _exit(0);
    }
    SHOW(reap(child));
    child = fork();
    if (child == 0) {
        printf("%c\n", shared[0]);
        SHOW(pwrite(file, shared, kSize, 0));
        _exit(0);
    }
    SHOW(reap(child));
    received(shared + kPage, 3 * kPage);
    listed(shared + kPage, 3 * kPage);
    child = fork();
    if (child == 0) {
        printf("%c\n", shared[2 * kPage]);
        SHOW(pread(file, shared + kPage, 3 * kPage, 0));
        _exit(0);
    }
    SHOW(reap(child));
    printf("%c %c %c %c\n", shared[0], shared[kPage], shared[2 * kPage], shared[4 * kPage - 1]);
    close(file);
    munmap(shared, kSize);
}

static void memfds(void) {
    int file = memfd_create("name", MFD_CLOEXEC);
    char target[64] = "";
    snprintf(target, sizeof target, "/proc/self/fd/%d", file);
    char name[64] = "";
    readlink(target, name, sizeof name - 1);
    printf("%s\n", name);
    SHOW(ftruncate(file, 10000));
    char* one = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char* two = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 4096);
    char* own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 4096);
    memcpy(one + 4096, "seen twice", 11);
    printf("%s\n", two);
    char text[16] = "";
    SHOW(pread(file, text, 10, 4096));
    printf("%s\n", text);
    SHOW(pwrite(file, "WRITTEN", 7, 4096));
    printf("%s %s\n", one + 4096, two);
    own[0] = '?';
    printf("%.4s\n", two);
    pid_t child = fork();
    if (child == 0) {
        strcpy(one, "from the child");
        _exit(0);
    }
    SHOW(reap(child));
    printf("%s\n", one);
    struct stat info;
    SHOW(fstat(file, &info));
    printf("size %ld, mode %o\n", (long)info.st_size, info.st_mode);
    SHOW(memfd_create("name", 0x4000));
    SHOW(munmap(one, 10000));
    SHOW(munmap(two, 4096));
    SHOW(munmap(own, 4096));
    SHOW(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open("/dev/null", O_RDONLY), 0) == MAP_FAILED);
    close(file);
}

static void posix(void) {
    // Of its own, as the key below: several of these may run at once on one machine.
    char name[64];
    snprintf(name, sizeof name, "/enclavisor_shared_tour.%d", (int)getpid());
    int file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    SHOW(file >= 0);
    SHOW(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    SHOW(ftruncate(file, 8192));
    sem_t* semaphore = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    SHOW(sem_init(semaphore, 1, 0));
    volatile int* counter = (volatile int*)(semaphore + 1);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            // A second mapping, elsewhere, of the same pages.
            int again = shm_open(name, O_RDWR, 0);
            sem_t* here = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
            sem_wait(here);
            ++*(volatile int*)(here + 1);
            sem_post(here);
            _exit(0);
        }
    }
    usleep(10000);
    printf("nobody passed: %d\n", *counter);
    sem_post(semaphore);
    while (wait(NULL) > 0) continue;
    printf("all passed: %d\n", *counter);
    SHOW(shm_unlink(name));
    SHOW(shm_open(name, O_RDWR, 0));
    munmap(semaphore, 8192);
}

static void mutexes(void) {
    struct shared {
        pthread_mutex_t mutex, robust;
        pthread_cond_t condition;
        int value;
    }* s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&s->mutex, &attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&s->robust, &attributes);
    pthread_condattr_t shared_condition;
    pthread_condattr_init(&shared_condition);
    pthread_condattr_setpshared(&shared_condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&s->condition, &shared_condition);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            for (int n = 0; n < 2000; n++) {
                pthread_mutex_lock(&s->mutex);
                s->value++;
                pthread_mutex_unlock(&s->mutex);
            }
            pthread_mutex_lock(&s->mutex);
            pthread_cond_signal(&s->condition);
            pthread_mutex_unlock(&s->mutex);
            _exit(0);
        }
    }
    pthread_mutex_lock(&s->mutex);
    while (s->value < 8000) pthread_cond_wait(&s->condition, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
    while (wait(NULL) > 0) continue;
    printf("counted %d\n", s->value);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&s->robust);
        kill(getpid(), SIGKILL);
    }
    SHOW(WTERMSIG(reap(child)));
    SHOW(pthread_mutex_lock(&s->robust) == EOWNERDEAD);
    munmap(s, 4096);
}

static void system_v(void) {
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    SHOW(id >= 0);
    char* here = shmat(id, NULL, 0);
    char* again = shmat(id, NULL, SHM_RDONLY);
    strcpy(here + 5000, "shared");
    printf("%s\n", again + 5000);
    struct shmid_ds info;
    SHOW(shmctl(id, IPC_STAT, &info));
    printf("size %ld, attached %ld, mode %o\n", (long)info.shm_segsz, (long)info.shm_nattch,
           info.shm_perm.mode);
    pid_t child = fork();
    if (child == 0) {
        shmctl(id, IPC_STAT, &info);
        strcpy(here, "child");
        _exit((int)info.shm_nattch);
    }
    SHOW(WEXITSTATUS(reap(child)));
    printf("%s\n", here);
    SHOW(shmdt(again));
    SHOW(shmdt(again));
    SHOW(shmctl(id, IPC_RMID, NULL));
    printf("%s\n", here);
    SHOW(shmdt(here));
    SHOW(shmctl(id, IPC_STAT, &info));
    int key = 0x45000000 + getpid();
    id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666);
    SHOW(id >= 0);
    SHOW(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666));
    SHOW(shmget(key, 8192, 0));
    SHOW(shmget(key, 0, 0) == id);
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmget(key, 4096, 0));
    SHOW(shmget(IPC_PRIVATE, 0, IPC_CREAT));
    SHOW((long)shmat(1 << 30, NULL, 0));
}

// What a just-in-time compiler does.
static void written_and_executed(void) {
    unsigned char* code =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(code != MAP_FAILED);
    int sum = 0;
    for (int i = 0; i < 100; i++) {
        const unsigned char function[] = {0xb8, (unsigned char)i, 0, 0, 0, 0xc3};  // mov $i, %eax; ret
        memcpy(code + 64 * (i % 128), function, sizeof function);
        sum += ((int (*)(void))(uintptr_t)(code + 64 * (i % 128)))();
    }
    printf("sum %d\n", sum);
    int from = open("/dev/zero", O_RDONLY);
    SHOW(read(from, code, 16));
    printf("%d\n", code[0]);
    SHOW(mprotect(code, 4096, PROT_READ | PROT_EXEC));
    SHOW(read(from, code, 16));
    SHOW(mprotect(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    SHOW(read(from, code, 16));
    int file = memfd_create("code", 0);
    ftruncate(file, 4096);
    unsigned char* writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    unsigned char* executable = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    const unsigned char function[] = {0xb8, 42, 0, 0, 0, 0xc3};
    memcpy(writable, function, sizeof function);
    printf("through two mappings %d\n", ((int (*)(void))(uintptr_t)executable)());
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    anonymous();
    buffers();
    memfds();
    posix();
    mutexes();
    system_v();
    written_and_executed();
    return 0;
}
