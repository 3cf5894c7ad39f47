// Timers that send signals: alarm, setitimer, timer_create. Says nothing that differs from run to
// run. With an argument: what a program that it executes finds.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHOW(call)                                                                                       \
    do {                                                                                                 \
        errno = 0;                                                                                       \
        long result_ = (long)(call);                                                                     \
        printf("%s = %ld%s%s\n", #call, result_, errno ? " " : "", errno ? strerrorname_np(errno) : ""); \
        fflush(stdout);                                                                                  \
    } while (0)

static volatile sig_atomic_t caught, last_code, last_value, last_id, last_thread;
static volatile int overruns;

static void on_signal(int number, siginfo_t* info, void* context) {
    (void)number, (void)context;
    last_code = info->si_code;
    if (info->si_code == SI_TIMER) {
        last_value = info->si_value.sival_int;
        last_id = info->si_timerid;
        overruns = info->si_overrun;
    }
    last_thread = gettid() != getpid();
    caught++;
}
static void catch (int number, int flags) {
    struct sigaction action = {.sa_flags = SA_SIGINFO | flags};
    action.sa_sigaction = on_signal;
    sigaction(number, &action, NULL);
}
static const char* code_name(int code) {
    return code == SI_TIMER    ? "SI_TIMER"
           : code == SI_KERNEL ? "SI_KERNEL"
           : code == SI_USER   ? "SI_USER"
                               : "?";
}
static struct itimerval every(long us, long interval_us) {
    return (struct itimerval){{interval_us / 1000000, interval_us % 1000000}, {us / 1000000, us % 1000000}};
}
static struct itimerspec at(long ms, long interval_ms) {
    return (struct itimerspec){{interval_ms / 1000, interval_ms % 1000 * 1000000},
                               {ms / 1000, ms % 1000 * 1000000}};
}
static int64_t now_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
static void compute_until(int count) {
    while (caught < count) continue;
}
static void mask(int how, int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(how, &set, NULL);
}

static void alarms(void) {
    catch (SIGALRM, 0);
    SHOW(alarm(100));
    SHOW(alarm(0));
    struct itimerval setting = every(600000, 0), old;
    SHOW(setitimer(ITIMER_REAL, &setting, NULL));
    SHOW(alarm(0));
    setting = every(20000, 0);
    SHOW(setitimer(ITIMER_REAL, &setting, NULL));
    SHOW(pause());
    printf("caught %d, %s\n", caught, code_name(last_code));
    SHOW(getitimer(ITIMER_REAL, &old));
    printf("%ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
    // A program that computes, one that sleeps, one that waits for a file, one with a thread beside.
    setting = every(20000, 0);
    setitimer(ITIMER_REAL, &setting, NULL);
    compute_until(2);
    setitimer(ITIMER_REAL, &setting, NULL);
    SHOW(usleep(10000000));
    int pipes[2];
    char byte;
    if (pipe(pipes) != 0) return;
    setitimer(ITIMER_REAL, &setting, NULL);
    SHOW(read(pipes[0], &byte, 1));
    setitimer(ITIMER_REAL, &setting, NULL);
    SHOW(poll(NULL, 0, -1));
    printf("caught %d\n", caught);
    // Those that repeat, and what is left of them.
    caught = 0;
    setting = every(1000, 2000);
    setitimer(ITIMER_REAL, &setting, NULL);
    while (caught < 10) pause();
    setting = every(0, 5000);
    SHOW(setitimer(ITIMER_REAL, &setting, &old));
    printf("interval %ld, left at most that: %d\n", (long)old.it_interval.tv_usec,
           old.it_value.tv_sec == 0 && old.it_value.tv_usec <= 2000 && old.it_value.tv_usec > 0);
    // One that is blocked waits, once.
    caught = 0;
    setting = every(1000, 1000);
    setitimer(ITIMER_REAL, &setting, NULL);
    compute_until(100);
    mask(SIG_BLOCK, SIGALRM);
    usleep(5000);
    sigset_t pending;
    sigpending(&pending);
    printf("pending %d\n", sigismember(&pending, SIGALRM));
    setting = every(0, 0);
    setitimer(ITIMER_REAL, &setting, NULL);
    caught = 0;
    mask(SIG_UNBLOCK, SIGALRM);
    printf("caught %d\n", caught);
    // Errors.
    SHOW(setitimer(3, &setting, NULL));
    SHOW(syscall(SYS_getitimer, ITIMER_REAL, 8));
    SHOW(syscall(SYS_setitimer, ITIMER_REAL, 8, 0));
    setting = every(0, 0);
    setting.it_value.tv_usec = 1000000;
    SHOW(setitimer(ITIMER_REAL, &setting, NULL));
    setting.it_value.tv_usec = 0;
    setting.it_interval.tv_sec = -1;
    SHOW(setitimer(ITIMER_REAL, &setting, NULL));
    SHOW(syscall(SYS_setitimer, ITIMER_REAL, 0, 0));
    // Processor time: all of it is used here.
    const int numbers[] = {SIGVTALRM, SIGPROF};
    const int timers[] = {ITIMER_VIRTUAL, ITIMER_PROF};
    for (int i = 0; i < 2; i++) {
        catch (numbers[i], 0);
        caught = 0;
        setting = every(20000, 20000);
        SHOW(setitimer(timers[i], &setting, NULL));
        compute_until(3);
        setting = every(0, 0);
        SHOW(setitimer(timers[i], &setting, NULL));
        printf("%s\n", code_name(last_code));
    }
}

static void made(void) {
    timer_t timer, other;
    struct itimerspec setting = at(20, 0), left;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    event.sigev_value.sival_int = 77;
    catch (SIGRTMIN + 1, 0);
    catch (SIGALRM, 0);
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
    for (int i = 0; i < 4; i++) {
        caught = 0;
        SHOW(timer_create(clocks[i], &event, &timer));
        SHOW(timer_gettime(timer, &left));
        printf("%ld %ld\n", (long)left.it_value.tv_sec, left.it_value.tv_nsec);
        SHOW(timer_settime(timer, 0, &setting, NULL));
        SHOW(pause());
        printf("caught %d %s %d overruns %d %d\n", caught, code_name(last_code), last_value, overruns,
               timer_getoverrun(timer));
        SHOW(timer_gettime(timer, &left));
        printf("%ld %ld\n", (long)left.it_value.tv_sec, left.it_value.tv_nsec);
        // At a time; one that is over comes at once.
        struct timespec now;
        clock_gettime(clocks[i], &now);
        struct itimerspec absolute = {{0, 0}, {now.tv_sec, now.tv_nsec + 20000000}};
        if (absolute.it_value.tv_nsec >= 1000000000)
            absolute.it_value.tv_sec++, absolute.it_value.tv_nsec -= 1000000000;
        SHOW(timer_settime(timer, TIMER_ABSTIME, &absolute, NULL));
        SHOW(pause());
        absolute = at(1, 0);
        SHOW(timer_settime(timer, TIMER_ABSTIME, &absolute, NULL));
        while (caught < 3) usleep(1000);
        SHOW(timer_delete(timer));
        SHOW(timer_delete(timer));
    }
    // Without an event: SIGALRM, with the timer's number.
    SHOW(timer_create(CLOCK_MONOTONIC, NULL, &timer));
    setting = at(10, 0);
    caught = 0;
    SHOW(timer_settime(timer, 0, &setting, NULL));
    SHOW(pause());
    printf("%s, its number: %d %d\n", code_name(last_code), last_value == (int)(intptr_t)timer,
           last_id == (int)(intptr_t)timer);
    timer_delete(timer);
    // Nobody is told; what is left shows the time.
    event.sigev_notify = SIGEV_NONE;
    event.sigev_signo = 0;
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    setting = at(10, 1000000);
    SHOW(timer_settime(timer, 0, &setting, NULL));
    usleep(20000);
    SHOW(timer_gettime(timer, &left));
    printf("of the interval: %d, overruns %d\n", left.it_value.tv_sec >= 998 && left.it_value.tv_sec < 1000,
           timer_getoverrun(timer));
    timer_delete(timer);
    // Expirations that nobody took.
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    mask(SIG_BLOCK, SIGRTMIN + 1);
    caught = 0;
    setting = at(5, 5);
    timer_settime(timer, 0, &setting, NULL);
    usleep(60000);
    setting = at(0, 0);
    mask(SIG_UNBLOCK, SIGRTMIN + 1);
    printf("at least nine: %d\n", overruns >= 9 && overruns < 5000);
    timer_settime(timer, 0, &setting, NULL);
    // Two timers with one ordinary signal both wait, beside one from kill.
    mask(SIG_BLOCK, SIGUSR1);
    catch (SIGUSR1, 0);
    timer_delete(timer);
    event.sigev_signo = SIGUSR1;
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_create(CLOCK_MONOTONIC, &event, &other);
    setting = at(1, 0);
    kill(getpid(), SIGUSR1);
    timer_settime(timer, 0, &setting, NULL);
    timer_settime(other, 0, &setting, NULL);
    usleep(20000);
    kill(getpid(), SIGUSR1);
    caught = 0;
    mask(SIG_UNBLOCK, SIGUSR1);
    printf("caught %d\n", caught);
    timer_delete(timer);
    timer_delete(other);
    // Read from a file, and waited for.
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    event.sigev_signo = SIGRTMIN + 2;
    event.sigev_value.sival_int = 5;
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    setting = at(5, 5);
    timer_settime(timer, 0, &setting, NULL);
    SHOW(sigwaitinfo(&set, &info) - SIGRTMIN);
    printf("%s %d, number %d\n", code_name(info.si_code), info.si_value.sival_int,
           info.si_timerid == (int)(intptr_t)timer);
    usleep(40000);
    struct signalfd_siginfo record;
    const int fd = signalfd(-1, &set, 0);
    SHOW(read(fd, &record, sizeof record));
    printf("%s %d, number %d, overruns %d\n", code_name(record.ssi_code), record.ssi_int,
           record.ssi_tid == (unsigned)(intptr_t)timer, record.ssi_overrun >= 5);
    timer_delete(timer);
    close(fd);
    // One whose signal is ignored goes on for whoever comes to want it.
    signal(SIGUSR2, SIG_IGN);
    event.sigev_signo = SIGUSR2;
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &setting, NULL);
    usleep(30000);
    caught = 0;
    catch (SIGUSR2, 0);
    while (caught < 2) pause();
    timer_delete(timer);
    puts("wanted now");
    // Errors.
    event.sigev_signo = 0;
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    event.sigev_signo = 65;
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    event.sigev_signo = SIGUSR1;
    event.sigev_notify = 9;
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    event.sigev_notify = SIGEV_THREAD_ID;
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    SHOW(syscall(SYS_timer_create, 99, NULL, &timer));
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, NULL, &timer));
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, 8, &timer));
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, 8));
    SHOW(syscall(SYS_timer_settime, 12345, 0, &setting, NULL));
    SHOW(syscall(SYS_timer_gettime, 12345, &left));
    SHOW(syscall(SYS_timer_getoverrun, 12345));
    int id;
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
    SHOW(syscall(SYS_timer_settime, id, 0, NULL, NULL));
    SHOW(syscall(SYS_timer_settime, id, 0, 8, NULL));
    setting.it_value.tv_nsec = 1000000000;
    SHOW(syscall(SYS_timer_settime, id, 0, &setting, NULL));
    setting.it_value.tv_nsec = -1;
    SHOW(syscall(SYS_timer_settime, id, 0, &setting, NULL));
    SHOW(syscall(SYS_timer_gettime, id, 8));
    SHOW(syscall(SYS_timer_delete, id));
    // Processor time.
    clockid_t processor;
    SHOW(clock_getcpuclockid(0, &processor));
    SHOW(timer_create(processor, NULL, &timer));
    setting = at(10, 0);
    caught = 0;
    SHOW(timer_settime(timer, 0, &setting, NULL));
    compute_until(1);
    SHOW(timer_delete(timer));
    SHOW(pthread_getcpuclockid(pthread_self(), &processor));
    struct timespec time;
    SHOW(clock_gettime(processor, &time));
    SHOW(timer_create(CLOCK_THREAD_CPUTIME_ID, NULL, &timer));
    SHOW(timer_settime(timer, 0, &setting, NULL));
    compute_until(2);
    SHOW(timer_delete(timer));
    SHOW(syscall(SYS_clock_gettime, (~0x3ffff0u << 3) | 2, &time));
    SHOW(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL));
}

static pthread_barrier_t together;
static int gone[2];
static void* wait_in_pipe(void* argument) {
    char byte;
    (void)argument;
    pthread_barrier_wait(&together);
    while (read(gone[0], &byte, 1) < 0) continue;
    return NULL;
}
static void* compute(void* argument) {
    (void)argument;
    pthread_barrier_wait(&together);
    compute_until(1);
    return NULL;
}
static void notify(union sigval value) {
    __atomic_store_n((int*)value.sival_ptr, 4, __ATOMIC_SEQ_CST);
}
static pid_t thread_id;
static void* tell_id(void* argument) {
    (void)argument;
    thread_id = gettid();
    pthread_barrier_wait(&together);
    while (caught == 0) usleep(1000);
    printf("its thread: %d\n", last_thread);
    return NULL;
}

static void threads(void) {
    pthread_t one, two;
    struct itimerval setting = every(20000, 0);
    pthread_barrier_init(&together, NULL, 3);
    catch (SIGALRM, SA_RESTART);
    if (pipe(gone) != 0) return;
    // All wait; all compute.
    caught = 0;
    pthread_create(&one, NULL, wait_in_pipe, NULL);
    pthread_create(&two, NULL, wait_in_pipe, NULL);
    pthread_barrier_wait(&together);
    setitimer(ITIMER_REAL, &setting, NULL);
    while (caught == 0) usleep(100000);
    if (write(gone[1], "xx", 2) != 2) return;
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    caught = 0;
    pthread_create(&one, NULL, compute, NULL);
    pthread_create(&two, NULL, compute, NULL);
    pthread_barrier_wait(&together);
    setitimer(ITIMER_REAL, &setting, NULL);
    compute_until(1);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    puts("all of them");
    // A thread of its own, and a function.
    pthread_barrier_init(&together, NULL, 2);
    timer_t timer;
    caught = 0;
    pthread_create(&one, NULL, tell_id, NULL);
    pthread_barrier_wait(&together);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    event._sigev_un._tid = thread_id;
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec soon = at(10, 0);
    SHOW(timer_settime(timer, 0, &soon, NULL));
    pthread_join(one, NULL);
    SHOW(timer_delete(timer));
    int value = 0;
    event = (struct sigevent){.sigev_notify = SIGEV_THREAD};
    event.sigev_notify_function = notify;
    event.sigev_value.sival_ptr = &value;
    SHOW(timer_create(CLOCK_REALTIME, &event, &timer));
    SHOW(timer_settime(timer, 0, &soon, NULL));
    while (__atomic_load_n(&value, __ATOMIC_SEQ_CST) == 0) usleep(1000);
    printf("value %d\n", value);
    SHOW(timer_delete(timer));
}

static void show_child(const char* what, pid_t child) {
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) printf("%s: exited %d\n", what, WEXITSTATUS(status));
    if (WIFSIGNALED(status)) printf("%s: killed %d\n", what, WTERMSIG(status));
    fflush(stdout);
}

static void processes(const char* self) {
    struct itimerval setting = every(30000, 0), left;
    // A child has none of its parent's, and its own kills it.
    setitimer(ITIMER_REAL, &setting, NULL);
    timer_t timer;
    timer_create(CLOCK_MONOTONIC, NULL, &timer);
    caught = 0;
    pid_t child = fork();
    if (child == 0) {
        getitimer(ITIMER_REAL, &left);
        const int none = left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0;
        struct itimerspec time;
        _exit(none + 2 * (syscall(SYS_timer_gettime, (int)(intptr_t)timer, &time) == -1));
    }
    show_child("inherits nothing", child);
    while (caught == 0) usleep(1000);
    child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        setitimer(ITIMER_REAL, &setting, NULL);
        for (;;) continue;
    }
    show_child("computes", child);
    child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(1);
        pause();
    }
    show_child("pauses", child);
    // execve keeps the alarm, and nothing that was made.
    child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        timer_create(CLOCK_MONOTONIC, NULL, &timer);
        char number[16];
        snprintf(number, sizeof number, "%d", (int)(intptr_t)timer);
        alarm(1);
        execl(self, self, number, NULL);
    }
    show_child("executes", child);
    // A sleep that a stop interrupts goes on, and lasts no longer for it.
    child = fork();
    if (child == 0) {
        const int64_t begin = now_ms(CLOCK_MONOTONIC);
        struct timespec time = {0, 300000000};
        const int result = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
        const int64_t gone = now_ms(CLOCK_MONOTONIC) - begin;
        _exit(result == 0 && gone >= 300 ? 7 : 8);
    }
    usleep(50000);
    kill(child, SIGSTOP);
    int status;
    waitpid(child, &status, WUNTRACED);
    printf("stopped %d\n", WIFSTOPPED(status));
    kill(child, SIGCONT);
    show_child("slept", child);
    child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        setting = every(200000, 0);
        setitimer(ITIMER_REAL, &setting, NULL);
        pause();
        _exit(9);
    }
    usleep(20000);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGCONT);
    show_child("pause goes on", child);
    // What is left of a sleep that a handler ended.
    catch (SIGALRM, SA_RESTART);
    setting = every(20000, 0);
    setitimer(ITIMER_REAL, &setting, NULL);
    struct timespec time = {100, 0}, rest = {0, 0};
    SHOW(nanosleep(&time, &rest));
    printf("left %d\n", rest.tv_sec == 99 && rest.tv_nsec > 0);
    setitimer(ITIMER_REAL, &setting, NULL);
    SHOW(clock_nanosleep(CLOCK_REALTIME, 0, &time, &rest));
    setitimer(ITIMER_REAL, &setting, NULL);
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += 100;
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &rest));
    fflush(stdout);
}

int main(int argc, char** argv) {
    struct itimerval left;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1) {
        struct itimerspec time;
        getitimer(ITIMER_REAL, &left);
        printf("left %d, made %d\n", left.it_value.tv_sec != 0 || left.it_value.tv_usec != 0,
               syscall(SYS_timer_gettime, atoi(argv[1]), &time) == 0);
        pause();
    }
    alarms();
    made();
    threads();
    processes(argv[0]);
    return 0;
}
