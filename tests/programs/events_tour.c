// eventfd, timerfd and signalfd, as pipes_tour.c does with pipes.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/programs/objects.h"

static void what_it_is(int fd) {
    struct stat info;
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    SHOW(readlink(path, target, sizeof target - 1));
    SHOW(fstat(fd, &info));
    printf("%s, mode %o, size %ld\n", target, info.st_mode, (long)info.st_size);
    SHOW(fcntl(fd, F_GETFL));
    SHOW(fcntl(fd, F_GETFD));
}

static uint64_t taken(int fd) {
    uint64_t value = 0;
    SHOW(read(fd, &value, sizeof value));
    return value;
}

static int event;
static void* wait_for_event(void* argument) {
    uint64_t value = 0;
    read(event, &value, sizeof value);
    *(uint64_t*)argument = value;
    return NULL;
}
static void* add_later(void* argument) {
    (void)argument;
    uint64_t value = 5;
    usleep(20000);
    write(event, &value, sizeof value);
    return NULL;
}

static void counters(void) {
    uint64_t value = 3;
    SHOW(eventfd(0, 8));
    event = eventfd(2, EFD_NONBLOCK | EFD_CLOEXEC);
    what_it_is(event);
    SHOW(polled(event, POLLIN | POLLOUT));
    SHOW(write(event, &value, sizeof value));
    SHOW(write(event, &value, 7));
    printf("value %llu\n", (unsigned long long)taken(event));
    taken(event);
    SHOW(read(event, &value, 7));
    SHOW(polled(event, POLLIN | POLLOUT));
    value = ~0ull;
    SHOW(write(event, &value, sizeof value));
    value = ~0ull - 1;
    SHOW(write(event, &value, sizeof value));
    SHOW(polled(event, POLLIN | POLLOUT));
    value = 1;
    SHOW(write(event, &value, sizeof value));
    printf("largest %d\n", taken(event) == ~0ull - 1);
    SHOW(pread(event, &value, sizeof value, 0));
    SHOW(ioctl(event, FIONREAD, &value));
    close(event);
    event = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    for (int i = 0; i < 3; i++) printf("value %llu\n", (unsigned long long)taken(event));
    close(event);
    // Several wait for one semaphore.
    event = eventfd(0, EFD_SEMAPHORE);
    pthread_t waiters[5], adder;
    uint64_t got[5] = {0}, sum = 0;
    for (int i = 0; i < 5; i++) pthread_create(&waiters[i], NULL, wait_for_event, &got[i]);
    pthread_create(&adder, NULL, add_later, NULL);
    for (int i = 0; i < 5; i++) pthread_join(waiters[i], NULL);
    pthread_join(adder, NULL);
    for (int i = 0; i < 5; i++) sum += got[i];
    printf("taken by five: %llu\n", (unsigned long long)sum);
    close(event);
}

static struct itimerspec in(long ms, long interval_ms) {
    const struct itimerspec t = {{interval_ms / 1000, interval_ms % 1000 * 1000000},
                                 {ms / 1000, ms % 1000 * 1000000}};
    return t;
}
static long elapsed_ms(void) {
    static struct timespec before;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long ms = (now.tv_sec - before.tv_sec) * 1000 + (now.tv_nsec - before.tv_nsec) / 1000000;
    before = now;
    return ms;
}

static void timers(void) {
    struct itimerspec setting = in(30, 0), old;
    SHOW(timerfd_create(99, 0));
    SHOW(timerfd_create(CLOCK_MONOTONIC, 1));
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    what_it_is(fd);
    taken(fd);
    SHOW(write(fd, "12345678", 8));
    SHOW(timerfd_settime(fd, 16, &setting, NULL));
    SHOW(timerfd_settime(fd, 0, NULL, NULL));
    SHOW(timerfd_settime(0, 0, &setting, NULL));
    SHOW(timerfd_gettime(fd, &old));
    printf("unset: %ld %ld %ld %ld\n", old.it_value.tv_sec, old.it_value.tv_nsec, old.it_interval.tv_sec,
           old.it_interval.tv_nsec);
    setting.it_value.tv_nsec = 1000000000;
    SHOW(timerfd_settime(fd, 0, &setting, NULL));
    setting = in(30, 0);
    elapsed_ms();
    SHOW(timerfd_settime(fd, 0, &setting, NULL));
    SHOW(polled(fd, POLLIN | POLLOUT));
    struct pollfd entry = {fd, POLLIN, 0};
    SHOW(poll(&entry, 1, 5));
    SHOW(poll(&entry, 1, -1));
    printf("not early: %d\n", elapsed_ms() >= 30);
    printf("expired %llu\n", (unsigned long long)taken(fd));
    taken(fd);
    SHOW(timerfd_gettime(fd, &old));
    printf("over: %ld %ld\n", old.it_value.tv_sec, old.it_value.tv_nsec);
    // At intervals: each is counted, and the rest is in range.
    setting = in(10, 10);
    elapsed_ms();
    SHOW(timerfd_settime(fd, 0, &setting, NULL));
    usleep(35000);
    const uint64_t count = taken(fd);
    const long ms = elapsed_ms();
    printf("counted: %d\n", count >= 3 && (long)count <= ms / 10 + 1);
    SHOW(timerfd_gettime(fd, &old));
    printf("in range: %d, interval %ld\n", old.it_value.tv_sec == 0 && old.it_value.tv_nsec <= 10000000,
           old.it_interval.tv_nsec);
    setting = in(0, 10);
    SHOW(timerfd_settime(fd, 0, &setting, &old));
    printf("old interval %ld\n", old.it_interval.tv_nsec);
    usleep(15000);
    taken(fd);
    // Absolute, in the past and to come, of both clocks; this time blocking.
    SHOW(fcntl(fd, F_SETFL, 0));
    setting = in(1, 0);
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL));
    printf("expired %llu\n", (unsigned long long)taken(fd));
    close(fd);
    for (int clock = CLOCK_REALTIME; clock <= CLOCK_MONOTONIC; clock++) {
        fd = timerfd_create(clock, 0);
        setting = in(0, 0);
        clock_gettime(clock, &setting.it_value);
        setting.it_value.tv_nsec += 20000000;
        if (setting.it_value.tv_nsec >= 1000000000) {
            setting.it_value.tv_sec++;
            setting.it_value.tv_nsec -= 1000000000;
        }
        elapsed_ms();
        SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL));
        printf("expired %llu\n", (unsigned long long)taken(fd));
        printf("about then: %d\n", elapsed_ms() >= 19);
        close(fd);
    }
}

// Another thread sets a timer that is waited for.
static int timer;
static void* set_timer(void* argument) {
    (void)argument;
    const struct itimerspec soon = in(5, 0);
    usleep(20000);
    timerfd_settime(timer, 0, &soon, NULL);
    return NULL;
}
static void set_meanwhile(void) {
    pthread_t setter;
    const struct itimerspec late = in(1000000, 0);
    timer = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(timer, 0, &late, NULL);
    pthread_create(&setter, NULL, set_timer, NULL);
    printf("expired %llu\n", (unsigned long long)taken(timer));
    pthread_join(setter, NULL);
    close(timer);
}

static void show_signals(int fd) {
    struct signalfd_siginfo info[3];
    memset(info, 0, sizeof info);
    const long size = read(fd, info, sizeof info);
    show("signals, bytes", size);
    for (long i = 0; i < size / (long)sizeof info[0]; i++) {
        printf("signal %s code %d from myself %d value %d\n", sigabbrev_np((int)info[i].ssi_signo) ?: "RT",
               info[i].ssi_code, info[i].ssi_pid == (unsigned)getpid() && info[i].ssi_uid == getuid(),
               info[i].ssi_int);
    }
}

static pthread_t main_thread;
static void* send_signals(void* argument) {
    (void)argument;
    usleep(20000);
    kill(getpid(), SIGUSR2);
    usleep(20000);
    pthread_kill(main_thread, SIGUSR1);
    return NULL;
}

static void signals(void) {
    sigset_t set, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &set, NULL);
    SHOW(signalfd(0, &set, 0));
    SHOW(signalfd(99, &set, 0));
    SHOW(signalfd(-1, &set, 1));
    const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    what_it_is(fd);
    SHOW(polled(fd, POLLIN | POLLOUT));
    show_signals(fd);
    raise(SIGUSR1);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR2);
    sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 41});
    sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 42});
    SHOW(polled(fd, POLLIN));
    char small[100];
    SHOW(read(fd, small, sizeof small));
    show_signals(fd);
    show_signals(fd);
    show_signals(fd);
    SHOW(signalfd(fd, &none, 0) == fd);
    raise(SIGUSR1);
    SHOW(polled(fd, POLLIN));
    SHOW(signalfd(fd, &set, 0) == fd);
    SHOW(polled(fd, POLLIN));
    show_signals(fd);
    fcntl(fd, F_SETFL, 0);
    pthread_t sender;
    main_thread = pthread_self();
    pthread_create(&sender, NULL, send_signals, NULL);
    show_signals(fd);
    struct pollfd entry = {fd, POLLIN, 0};
    SHOW(poll(&entry, 1, -1));
    show_signals(fd);
    pthread_join(sender, NULL);
    close(fd);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

// select over all of them.
static void selecting(void) {
    const int counter = eventfd(0, 0), clock = timerfd_create(CLOCK_MONOTONIC, 0);
    int fds[2];
    fd_set in_set, out_set;
    pipe(fds);
    const int highest = fds[1] + 1;
    struct timeval none = {0, 0}, some = {0, 10000}, much = {100, 0};
    FD_ZERO(&in_set);
    FD_ZERO(&out_set);
    FD_SET(counter, &in_set), FD_SET(clock, &in_set), FD_SET(fds[0], &in_set);
    FD_SET(fds[1], &out_set), FD_SET(counter, &out_set);
    SHOW(select(highest, &in_set, &out_set, NULL, &none));
    printf("in %d %d %d out %d %d\n", FD_ISSET(counter, &in_set) != 0, FD_ISSET(clock, &in_set) != 0,
           FD_ISSET(fds[0], &in_set) != 0, FD_ISSET(fds[1], &out_set) != 0, FD_ISSET(counter, &out_set) != 0);
    FD_ZERO(&in_set);
    FD_SET(clock, &in_set);
    SHOW(select(highest, &in_set, NULL, NULL, &some));
    printf("left %ld\n", (long)some.tv_usec);
    const struct itimerspec soon = in(10, 0);
    timerfd_settime(clock, 0, &soon, NULL);
    FD_ZERO(&in_set);
    FD_SET(clock, &in_set), FD_SET(fds[0], &in_set);
    SHOW(select(highest, &in_set, NULL, NULL, &much));
    printf("in %d %d, most is left %d\n", FD_ISSET(clock, &in_set) != 0, FD_ISSET(fds[0], &in_set) != 0,
           much.tv_sec >= 90 && much.tv_sec < 100);
    close(fds[1]);
    FD_ZERO(&in_set);
    FD_SET(fds[0], &in_set);
    SHOW(select(highest, &in_set, NULL, NULL, NULL));
    FD_ZERO(&in_set);
    FD_SET(fds[1], &in_set);
    SHOW(select(highest, &in_set, NULL, NULL, NULL));
    close(fds[0]);
    close(counter);
    close(clock);
}

int main(void) {
    counters();
    timers();
    set_meanwhile();
    signals();
    selecting();
    return 0;
}
