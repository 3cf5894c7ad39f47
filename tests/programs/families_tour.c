// Processes among each other: what parents are told, groups, sessions, signals, threads that fork
// and execute, orphans. Says nothing that differs from run to run.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>

#include "tests/programs/processes.h"

static const char* self;

static volatile sig_atomic_t caught, caught_code, caught_status;
static void on_child(int number, siginfo_t* info, void* context) {
    (void)number, (void)context;
    caught++;
    caught_code = info->si_code;
    caught_status = info->si_status;
}

static void parents_are_told(void) {
    struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    pid_t child = fork();
    if (child == 0) _exit(9);
    while (!caught) usleep(1000);
    say("SIGCHLD: code %d status %d\n", caught_code, caught_status);
    show_status("child", reap(child));
    caught = 0;
    child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    int status;
    kill(child, SIGSTOP);
    SHOW(waitpid(child, &status, WUNTRACED) == child);
    show_status("child", status);
    SHOW(waitpid(child, &status, WNOHANG | WUNTRACED));
    kill(child, SIGCONT);
    SHOW(waitpid(child, &status, WCONTINUED) == child);
    show_status("child", status);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGKILL);
    show_status("killed while it is stopped", reap(child));
    say("told %d times at least\n", caught >= 3 ? 3 : caught);
    // A parent that does not want to know.
    action.sa_flags = SA_NOCLDWAIT;
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, NULL);
    child = fork();
    if (child == 0) _exit(0);
    SHOW(waitpid(child, NULL, 0));
    signal(SIGCHLD, SIG_DFL);
}

static volatile sig_atomic_t got;
static void on_signal(int number) {
    got = number;
}

static void groups_and_sessions(void) {
    int ready[2];
    pipe(ready);
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            setpgid(0, i == 0 ? 0 : children[0]);
            write(ready[1], "x", 1);
            for (;;) pause();
        }
        setpgid(children[i], children[0]);
    }
    char byte;
    for (int i = 0; i < 3; i++) read(ready[0], &byte, 1);
    SHOW(getpgid(children[2]) == children[0]);
    SHOW(setpgid(children[1], 1 << 21));
    SHOW(setpgid(1 << 21, 0));
    SHOW(setpgid(0, -1));
    kill(-children[0], SIGUSR1);
    int killed = 0, status;
    while (waitpid(-children[0], &status, 0) > 0)
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1;
    say("one signal ended %d\n", killed);
    SHOW(kill(-children[0], 0));
    pid_t child = fork();
    if (child == 0) {
        const int before = setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid();
        const int again = setsid() == -1 && errno == EPERM;
        const int moved = setpgid(0, 0) == -1 && errno == EPERM;
        _exit(before + 2 * again + 4 * moved);
    }
    show_status("session", reap(child));
    close(ready[0]), close(ready[1]);
}

static void signals_between(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    int ready[2];
    pipe(ready);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        write(ready[1], "x", 1);
        // Interrupted, since the handler does not restart.
        const int again = read(ready[0] + 100, &byte, 1) == -1 && errno == EBADF;
        struct timespec second = {5, 0};
        const int interrupted = got == SIGUSR1 || (nanosleep(&second, NULL) == -1 && errno == EINTR);
        _exit(again + 2 * interrupted + 4 * (got == SIGUSR1));
    }
    char byte;
    read(ready[0], &byte, 1);
    usleep(5000);
    kill(child, SIGUSR1);
    show_status("handler", reap(child));
    union sigval value = {.sival_int = 77};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const pid_t parent = getpid();
    child = fork();
    if (child == 0) {
        sigqueue(parent, SIGRTMIN, value);
        _exit(0);
    }
    siginfo_t info;
    sigwaitinfo(&set, &info);
    say("queued: code %d value %d from the child %d\n", info.si_code, info.si_value.sival_int,
        info.si_pid == child);
    reap(child);
    SHOW(kill(1 << 21, SIGTERM));
    SHOW(kill(getpid(), 65));
    SHOW(tgkill(getpid(), 1 << 21, 0));
    close(ready[0]), close(ready[1]);
}

static void* fork_here(void* argument) {
    pid_t child = fork();
    if (child == 0) _exit(gettid() == getpid() ? 12 : 1);
    *(int*)argument = reap(child);
    return NULL;
}
static void* execute_here(void* argument) {
    (void)argument;
    execl(self, self, "show", "by a thread", NULL);
    return NULL;
}
static __attribute__((noreturn)) void* forever(void* argument) {
    (void)argument;
    for (;;) pause();
}

static void with_threads(void) {
    pthread_t threads[4];
    int statuses_of[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, fork_here, &statuses_of[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++) show_status("forked by a thread", statuses_of[i]);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, forever, NULL);
        pthread_create(&threads[3], NULL, execute_here, NULL);
        for (;;) pause();
    }
    show_status("executed by a thread", reap(child));
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, forever, NULL);
        usleep(2000);
        exit(6);
    }
    show_status("with threads", reap(child));
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, forever, NULL);
        raise(SIGTERM);
    }
    show_status("with threads", reap(child));
}

static void orphans(void) {
    int ends[2];
    pipe(ends);
    pid_t child = fork();
    if (child == 0) {
        const pid_t middle = getpid();
        if (fork() == 0) {
            while (getppid() == middle) usleep(1000);
            write(ends[1], "o", 1);
            _exit(0);
        }
        _exit(0);
    }
    show_status("middle", reap(child));
    char byte = '?';
    close(ends[1]);
    read(ends[0], &byte, 1);
    say("orphan said %c\n", byte);
    close(ends[0]);
    SHOW(wait(NULL));
}

static int deep(int depth) {
    if (depth == 0) return 1;
    pid_t child = fork();
    if (child == 0) _exit(deep(depth - 1));
    return WEXITSTATUS(reap(child)) + 1;
}

static void many(void) {
    say("12 generations: %d\n", deep(12));
    int good = 0;
    for (int i = 0; i < 200; i++) {
        pid_t child = fork();
        if (child == 0) _exit(i & 127);
        good += WEXITSTATUS(reap(child)) == (i & 127);
    }
    say("200 children, %d right\n", good);
    pid_t children[40];
    for (int i = 0; i < 40; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            usleep(1000 * (unsigned)(i % 7));
            _exit(i);
        }
    }
    good = 0;
    for (int i = 39; i >= 0; i--) good += WEXITSTATUS(reap(children[i])) == i;
    say("40 at once, %d right\n", good);
}

int main(int count, char** arguments) {
    if (count > 1) return show(count, arguments);
    self = own_path();
    parents_are_told();
    groups_and_sessions();
    signals_between();
    with_threads();
    orphans();
    many();
    say("done\n");
    return 0;
}
