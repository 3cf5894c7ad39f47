/* How threads are interrupted and ended: signals to threads that compute or wait,
   cancellation, the ends of a process. With an argument: one way to end it.
   Prints the same natively and in an enclave. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x) printf("%s = %ld\n", #x, (long)(x))

static void nap(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0) continue;
}

static pthread_t make(void* (*function)(void*), void* argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, argument) != 0) abort();
    return thread;
}
static long join(pthread_t thread) {
    void* result;
    if (pthread_join(thread, &result) != 0) abort();
    return (intptr_t)result;
}

/* --- signals to threads -------------------------------------------------- */

static volatile sig_atomic_t handled;
static pthread_t handled_by;
static void on_signal(int number) {
    (void)number;
    handled_by = pthread_self();
    handled++;
}
static void handle(int number, int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    sigaction(number, &action, NULL);
}

static volatile int stop;
static void* compute(void* unused) {
    (void)unused;
    double x = 1;
    unsigned long n = 0;
    while (!stop) {
        x = x * 1.0000001 + 0.5;
        if (x > 1e9) x = 1;
        n++;
    }
    return (void*)(intptr_t)(n > 0 && x >= 1);
}

static int ends[2];
static volatile int ready;
static void* read_one(void* unused) {
    char byte = 0;
    (void)unused;
    ready = 1;
    ssize_t result = read(ends[0], &byte, 1);
    return (void*)(intptr_t)(result < 0 ? -errno : byte);
}
static void* sleep_long(void* unused) {
    struct timespec t = {100, 0};
    (void)unused;
    ready = 1;
    int result = nanosleep(&t, &t);
    return (void*)(intptr_t)(result == 0 ? 0 : errno == EINTR && t.tv_sec >= 90 ? -EINTR : 1);
}
static void* poll_long(void* unused) {
    struct pollfd polled = {ends[0], POLLIN, 0};
    (void)unused;
    ready = 1;
    return (void*)(intptr_t)(poll(&polled, 1, 100000) < 0 ? -errno : 1);
}
static void* suspend(void* unused) {
    sigset_t none;
    (void)unused;
    sigemptyset(&none);
    ready = 1;
    return (void*)(intptr_t)(sigsuspend(&none) < 0 ? -errno : 1);
}

static void interrupt(const char* what, void* (*function)(void*), int flags, const char* answer) {
    handle(SIGUSR1, flags);
    handled = ready = 0;
    pthread_t thread = make(function, NULL);
    while (!ready) sched_yield();
    nap(50);
    pthread_kill(thread, SIGUSR1);
    for (int i = 0; i < 200 && !handled; i++) nap(10);
    if (answer != NULL && write(ends[1], answer, 1) != 1) abort();
    long result = join(thread);
    printf("%s: handled %d by its thread %d, result %ld\n", what, (int)handled,
           pthread_equal(handled_by, thread) != 0, result);
}

static void* block_and_wait(void* number) {
    sigset_t set;
    int got = 0;
    sigemptyset(&set);
    sigaddset(&set, (int)(intptr_t)number);
    ready = 1;
    sigwait(&set, &got);
    return (void*)(intptr_t)got;
}

static void signals(void) {
    handle(SIGUSR1, 0);
    pthread_t thread = make(compute, NULL);
    nap(20);
    for (int i = 1; i <= 5; i++) {
        pthread_kill(thread, SIGUSR1);
        while (handled < i) nap(1);
        if (!pthread_equal(handled_by, thread)) abort();
    }
    stop = 1;
    CHECK(join(thread));
    CHECK(handled);
    if (pipe(ends) != 0) abort();
    interrupt("read", read_one, 0, NULL);
    interrupt("read again", read_one, SA_RESTART, "x");
    interrupt("nanosleep", sleep_long, SA_RESTART, NULL);
    interrupt("poll", poll_long, SA_RESTART, NULL);
    interrupt("sigsuspend", suspend, SA_RESTART, NULL);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, &old); /* threads inherit it */
    ready = 0;
    thread = make(block_and_wait, (void*)(intptr_t)SIGUSR2);
    while (!ready) sched_yield();
    kill(getpid(), SIGUSR2);
    CHECK(join(thread) == SIGUSR2);
    kill(getpid(), SIGTERM); /* blocked by all: waits for the process */
    sigpending(&set);
    CHECK(sigismember(&set, SIGTERM));
    CHECK(join(make(block_and_wait, (void*)(intptr_t)SIGTERM)) == SIGTERM);
    const struct timespec soon = {0, 10000000};
    CHECK(sigtimedwait(&set, NULL, &soon) == -1 && errno == EAGAIN);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    CHECK(pthread_kill(pthread_self(), 0));
    CHECK(syscall(SYS_tgkill, getpid(), 0x3fffff, SIGUSR1) == -1 && errno == ESRCH);
}

/* --- cancellation --------------------------------------------------------- */

static int cleaned;
static void clean(void* value) {
    cleaned += (int)(intptr_t)value;
}
static void* wait_cancelled(void* how) {
    pthread_cleanup_push(clean, (void*)1);
    ready = 1;
    char byte;
    switch ((intptr_t)how) {
        case 0:
            (void)!read(ends[0], &byte, 1);
            break;
        case 1:
            nap(100000);
            break;
        case 2:
            pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
            for (;;) continue;
        case 3: {
            pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
            pthread_cond_t c = PTHREAD_COND_INITIALIZER;
            pthread_mutex_lock(&m);
            for (;;) pthread_cond_wait(&c, &m);
        }
        default:
            for (;;) pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void cancellation(void) {
    for (intptr_t how = 0; how < 5; how++) {
        ready = 0;
        pthread_t thread = make(wait_cancelled, (void*)how);
        while (!ready) sched_yield();
        nap(20);
        if (pthread_cancel(thread) != 0) abort();
        printf("cancelled %d: %d\n", (int)how, join(thread) == (long)(intptr_t)PTHREAD_CANCELED);
    }
    CHECK(cleaned);
}

/* --- ends ------------------------------------------------------------------ */

static volatile int detached_ran;
static void* detached(void* unused) {
    (void)unused;
    __atomic_fetch_add(&detached_ran, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
static void* end_process(void* how) {
    nap(20);
    printf("the other thread ends it\n");
    fflush(stdout);
    if ((intptr_t)how == 1) exit(41);
    if ((intptr_t)how == 2) syscall(SYS_exit_group, 42);
    if ((intptr_t)how == 3) raise(SIGTERM);
    return NULL;
}

int main(int count, char** arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count > 1) {
        intptr_t how = atoi(arguments[1]);
        make(end_process, (void*)how);
        if (how == 0) pthread_exit(NULL);
        for (;;) pause();
    }
    signals();
    cancellation();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, detached, NULL) != 0) abort();
    }
    while (detached_ran < 100) nap(1);
    CHECK(detached_ran);
    return 0;
}
