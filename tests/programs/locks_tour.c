// Locks on files between processes: fcntl's records, those of open files, flock; on the host's
// files and on those of /dev/shm.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs/objects.h"

static long lock(int fd, int command, int type, long begin, long size) {
    struct flock wanted = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = begin, .l_len = size};
    return fcntl(fd, command, &wanted);
}

static void who_holds(int fd, int type, long begin, long size, pid_t expected) {
    struct flock found = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = begin, .l_len = size};
    if (fcntl(fd, F_GETLK, &found) != 0) {
        printf("F_GETLK: %s\n", strerrorname_np(errno));
    } else if (found.l_type == F_UNLCK) {
        printf("free\n");
    } else {
        printf("held: type %d, %ld + %ld, by the one expected %d\n", found.l_type, (long)found.l_start,
               (long)found.l_len, found.l_pid == expected);
    }
}

// A child that does `what`, and then waits until it is told to end.
static pid_t child_with(void (*what)(int), int fd, int* let_go) {
    int done[2], go[2];
    pipe(done), pipe(go);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        what(fd);
        fflush(stdout);
        write(done[1], "x", 1);
        char byte;
        read(go[0], &byte, 1);
        _exit(0);
    }
    char byte;
    read(done[0], &byte, 1);
    close(done[0]), close(done[1]), close(go[0]);
    *let_go = go[1];
    return child;
}
static void end(pid_t child, int let_go) {
    close(let_go);
    waitpid(child, NULL, 0);
}

static void write_lock_10(int fd) {
    SHOW(lock(fd, F_SETLK, F_WRLCK, 10, 10));
}
static void read_lock_all(int fd) {
    SHOW(lock(fd, F_SETLK, F_RDLCK, 0, 0));
}
static void exclusive(int fd) {
    SHOW(flock(fd, LOCK_EX | LOCK_NB));
}
static void nothing(int fd) {
    (void)fd;
}

static const char* path;

static void records(void) {
    int fd = open(path, O_RDWR | O_CREAT, 0666), again, let_go;
    pid_t child = child_with(write_lock_10, fd, &let_go);
    SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 10));
    SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 11));
    SHOW(lock(fd, F_SETLK, F_RDLCK, 15, 1));
    SHOW(lock(fd, F_SETLK, F_RDLCK, 20, 0));
    who_holds(fd, F_RDLCK, 0, 0, child);
    who_holds(fd, F_RDLCK, 0, 10, child);
    end(child, let_go);
    SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 0));

    // A lock is the process's: any descriptor, and gone with any.
    again = open(path, O_RDWR);
    SHOW(lock(again, F_SETLK, F_WRLCK, 5, 5));
    SHOW(lock(again, F_SETLK, F_UNLCK, 5, 2));
    child = fork();
    if (child == 0) {
        SHOW(lock(fd, F_SETLK, F_WRLCK, 5, 2));
        SHOW(lock(fd, F_SETLK, F_WRLCK, 4, 2));
        who_holds(fd, F_WRLCK, 0, 0, getppid());
        exit(0);
    }
    waitpid(child, NULL, 0);
    close(again);
    child = fork();
    if (child == 0) {
        SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 0));
        exit(0);
    }
    waitpid(child, NULL, 0);

    child = child_with(read_lock_all, fd, &let_go);
    SHOW(lock(fd, F_SETLK, F_RDLCK, 0, 100));
    SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 100));
    // Waits until the child ends.
    fflush(stdout);
    if (fork() == 0) {
        usleep(20000);
        close(let_go);
        exit(0);
    }
    close(let_go);
    SHOW(lock(fd, F_SETLKW, F_WRLCK, 0, 100));
    while (wait(NULL) > 0) continue;

    // A wait that a signal ends.
    child = child_with(write_lock_10, fd = open(path, O_RDWR), &let_go);
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGUSR1, &action, NULL);
    fflush(stdout);
    const pid_t parent = getpid();
    pid_t waker = fork();
    if (waker == 0) {
        usleep(20000);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    SHOW(lock(fd, F_SETLKW, F_WRLCK, 0, 0));
    end(child, let_go);
    waitpid(waker, NULL, 0);

    int read_only = open(path, O_RDONLY), write_only = open(path, O_WRONLY);
    SHOW(lock(read_only, F_SETLK, F_WRLCK, 0, 0));
    SHOW(lock(write_only, F_SETLK, F_RDLCK, 0, 0));
    SHOW(lock(fd, F_SETLK, 77, 0, 0));
    SHOW(lock(fd, F_SETLK, F_WRLCK, -1, 0));
    SHOW(lock(fd, F_SETLK, F_WRLCK, 10, -5));
    SHOW(lock(99, F_SETLK, F_WRLCK, 0, 0));
    SHOW(fcntl(fd, F_SETLK, nowhere));
    close(fd), close(read_only), close(write_only);
}

static void of_open_files(void) {
    int fd = open(path, O_RDWR), again = open(path, O_RDWR), same = dup(fd);
    SHOW(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
    SHOW(lock(again, F_OFD_SETLK, F_WRLCK, 0, 10));
    SHOW(lock(same, F_OFD_SETLK, F_WRLCK, 0, 10));
    SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 10));
    close(fd);
    SHOW(lock(again, F_OFD_SETLK, F_WRLCK, 0, 10));
    close(same);
    SHOW(lock(again, F_OFD_SETLK, F_WRLCK, 0, 10));
    close(again);
}

static void whole_files(void) {
    int fd = open(path, O_RDWR), again = open(path, O_RDWR), let_go;
    SHOW(flock(fd, LOCK_SH));
    SHOW(flock(again, LOCK_SH | LOCK_NB));
    SHOW(flock(again, LOCK_EX | LOCK_NB));
    SHOW(flock(fd, LOCK_UN));
    SHOW(flock(again, LOCK_EX | LOCK_NB));
    SHOW(flock(again, LOCK_UN));
    // A child's descriptor is the same open file.
    pid_t child = child_with(exclusive, fd, &let_go);
    SHOW(flock(fd, LOCK_EX | LOCK_NB));
    SHOW(flock(again, LOCK_EX | LOCK_NB));
    end(child, let_go);
    SHOW(flock(again, LOCK_EX | LOCK_NB));
    close(fd);
    SHOW(flock(again, LOCK_EX | LOCK_NB));
    SHOW(flock(again, 77));
    SHOW(flock(99, LOCK_EX));
    close(again);
}

// Four processes that each add to a number in the file under its lock.
static void counting(void) {
    int fd = open(path, O_RDWR | O_TRUNC);
    uint64_t value = 0;
    pwrite(fd, &value, sizeof value, 0);
    fflush(stdout);
    for (int i = 0; i < 4; i++) {
        if (fork() != 0) continue;
        int own = open(path, O_RDWR);
        for (int n = 0; n < 25; n++) {
            lock(own, F_SETLKW, F_WRLCK, 0, 8);
            pread(own, &value, sizeof value, 0);
            if (n % 5 == 0) usleep(100);
            value++;
            pwrite(own, &value, sizeof value, 0);
            lock(own, F_SETLKW, F_UNLCK, 0, 8);
        }
        _exit(0);
    }
    while (wait(NULL) > 0) continue;
    pread(fd, &value, sizeof value, 0);
    printf("counted %llu\n", (unsigned long long)value);
    close(fd);
}

int main(void) {
    // Of its own, as several of these may run at once on one machine.
    char shared[64];
    snprintf(shared, sizeof shared, "/dev/shm/enclavisor_locks_tour.%d", (int)getpid());
    const char* const paths[] = {"locked", shared};
    for (int i = 0; i < 2; i++) {
        path = paths[i];
        records();
        of_open_files();
        whole_files();
        counting();
        unlink(path);
    }
    return 0;
}
