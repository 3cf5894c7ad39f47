/* Becomes a template with timers armed; in each instance they go on. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t again, once;
static void count_again(int number) {
    (void)number;
    again++;
}
static void count_once(int number) {
    (void)number;
    once++;
}

int main(void) {
    const struct itimerval repeated = {{0, 20000}, {0, 20000}};
    const struct itimerspec single = {{0, 0}, {0, 300000000}};
    struct sigevent event = {.sigev_signo = SIGUSR1};
    timer_t timer;
    signal(SIGALRM, count_again);
    signal(SIGUSR1, count_once);
    setitimer(ITIMER_REAL, &repeated, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return 1;
    timer_settime(timer, 0, &single, NULL);
    while (again < 3) pause();
    if (open("/dev/enclavisor/ready", O_RDONLY) < 0) return 2;
    const int before = again;
    while (again < before + 3 || once == 0) usleep(1000);
    printf("instance %d\n", once);
    return 0;
}
