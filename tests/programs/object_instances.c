/* Becomes a template with objects of all kinds open, watched and waited for, and says in
   each instance what it finds: its own copy of them, as they were. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int wakes[2], answers[2], late;

/* Sleeps in the template, and goes on sleeping in every instance. */
static void* read_one(void* argument) {
    char byte = 0;
    (void)argument;
    return (void*)(read(wakes[0], &byte, 1) == 1 ? (intptr_t)byte : -1);
}
static void* wait_for_late(void* argument) {
    struct epoll_event event;
    return (void*)(intptr_t)epoll_wait(*(int*)argument, &event, 1, -1);
}

static void watch(int epoll, int fd, unsigned events, unsigned data) {
    struct epoll_event event = {events, {.u64 = data}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) _exit(10);
}
/* Which of the data, as bits. */
static unsigned ready(int epoll, int milliseconds) {
    struct epoll_event events[8];
    unsigned bits = 0;
    const int count = epoll_wait(epoll, events, 8, milliseconds);
    for (int i = 0; i < count; i++) bits |= 1u << events[i].data.u64;
    return bits;
}

int main(void) {
    int unread[2], pair[2];
    char text[32] = "";
    uint64_t one = 1, expired = 0;
    pthread_t threads[2];
    if (pipe(unread) != 0 || pipe(wakes) != 0 || pipe(answers) != 0) return 1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 2;
    const int epoll = epoll_create1(0), inside = epoll_create1(0), counter = eventfd(0, 0);
    const int timer = timerfd_create(CLOCK_MONOTONIC, 0), host = socket(AF_INET, SOCK_DGRAM, 0);
    late = eventfd(0, 0);
    struct itimerspec setting = {{0, 0}, {0, 400000000}};
    timerfd_settime(timer, 0, &setting, NULL);
    if (write(unread[1], "of the template", 15) != 15 || write(pair[0], "too", 3) != 3) return 3;
    watch(epoll, unread[0], EPOLLIN, 0);
    watch(epoll, pair[1], EPOLLIN | EPOLLET, 1);
    watch(epoll, counter, EPOLLIN, 2);
    watch(epoll, timer, EPOLLIN, 3);
    watch(epoll, host, EPOLLOUT | EPOLLET, 4);
    watch(inside, late, EPOLLIN, 0);
    printf("template %x\n", ready(epoll, 0));
    fflush(stdout);
    pthread_create(&threads[0], NULL, read_one, NULL);
    pthread_create(&threads[1], NULL, wait_for_late, (void*)&inside);
    usleep(20000);

    if (open("/dev/enclavisor/ready", O_RDONLY) < 0) return 4;

    unsigned bits = ready(epoll, 1000);
    /* The timer may have expired before the instance ran; the edge of the host's file may be told
       again, now or at the next look. */
    const unsigned certain = ~(8u | 16u);
    const unsigned first = bits & certain;
    bits = ready(epoll, 0) & certain;
    const ssize_t size = read(unread[0], text, sizeof text - 1);
    if (write(counter, &one, sizeof one) != sizeof one) return 5;
    const unsigned second = ready(epoll, 1000) & certain;
    if (read(counter, &one, sizeof one) != sizeof one) return 6;
    const unsigned third = ready(epoll, 10000);
    if (read(timer, &expired, sizeof expired) != sizeof expired) return 7;
    /* What one instance takes away and adds is nothing to the others. */
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, host, NULL) != 0) return 8;
    watch(epoll, host, EPOLLOUT, 5);
    const unsigned fourth = ready(epoll, 1000);
    void *byte, *count;
    if (write(wakes[1], "w", 1) != 1 || write(late, &one, sizeof one) != sizeof one) return 9;
    pthread_join(threads[0], &byte);
    pthread_join(threads[1], &count);
    printf("instance %x %x '%s' %zd %x %x %d %x %c %d\n", first, bits, text, size, second, third,
           (int)expired, fourth, (char)(intptr_t)byte, (int)(intptr_t)count);
    return 0;
}
