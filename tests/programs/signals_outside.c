/* signals_outside MODE: says "ready" when signals from outside may come, and what came of them. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t last, seen;

static void say(const char* format, ...) {
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    ssize_t written;
    do written = write(1, line, (size_t)length);
    while (written < 0 && errno == EINTR);
    if (written != length) _exit(99);
}

static void handler(int number, siginfo_t* info, void* context) {
    (void)context;
    last = number;
    seen++;
    const int stranger = info->si_pid == 0 || info->si_pid == getppid();
    say("SIG%s code %d%s\n", sigabbrev_np(number), info->si_code, stranger ? "" : " of somebody");
}

static void handle(int number, int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(number, &action, NULL);
}

/* Each in turn, until SIGTERM; between their handlers all are blocked. */
static int handlers(void) {
    sigset_t all_signals, none;
    sigfillset(&all_signals);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all_signals, NULL);
    const int all[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) handle(all[i], 0);
    say("ready\n");
    while (last != SIGTERM) sigsuspend(&none);
    return 7;
}

static int reads(int flags) {
    char byte;
    handle(SIGUSR1, flags);
    say("ready\n");
    const ssize_t got = read(0, &byte, 1);
    say("read: %d %s\n", (int)got, got < 0 ? strerrorname_np(errno) : "-");
    return 0;
}

static int computes(void) {
    handle(SIGUSR1, 0);
    say("ready\n");
    volatile unsigned long rounds = 0;
    while (!seen) rounds++;
    say("computed\n");
    return 0;
}

static int ignores(void) {
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    say("ready\n");
    char byte;
    while (read(0, &byte, 1) == 1) say("still here\n");
    return 3;
}

static void* wait_in_thread(void* unused) {
    (void)unused;
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGUSR1);
    handle(SIGUSR1, 0);
    say("ready\n");
    while (!seen) sigsuspend(&set);
    return NULL;
}

/* The first thread blocks what the second takes. */
static int threads(void) {
    sigset_t set;
    pthread_t thread;
    sigfillset(&set);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    pthread_create(&thread, NULL, wait_in_thread, NULL);
    pthread_join(thread, NULL);
    say("joined\n");
    return 0;
}

static int waits(void) {
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    say("ready\n");
    const int number = sigwaitinfo(&set, &info);
    say("sigwaitinfo: SIG%s code %d\n", sigabbrev_np(number), info.si_code);
    struct pollfd polled[] = {{.fd = signalfd(-1, &set, 0), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    say("ready\n");
    while (poll(polled, 2, -1) < 0 || !(polled[0].revents & POLLIN)) continue;
    struct signalfd_siginfo from;
    if (read(polled[0].fd, &from, sizeof from) != sizeof from) return 1;
    say("signalfd: SIG%s\n", sigabbrev_np((int)from.ssi_signo));
    return 0;
}

int main(int argc, char** argv) {
    const char* mode = argc > 1 ? argv[1] : "";
    if (!strcmp(mode, "handlers")) return handlers();
    if (!strcmp(mode, "read")) return reads(0);
    if (!strcmp(mode, "read-again")) return reads(SA_RESTART);
    if (!strcmp(mode, "compute")) return computes();
    if (!strcmp(mode, "ignore")) return ignores();
    if (!strcmp(mode, "threads")) return threads();
    if (!strcmp(mode, "wait")) return waits();
    return 2;
}
