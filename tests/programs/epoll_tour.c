// epoll over objects of the process and over sockets of the network, in one wait.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/programs/epoll.h"
#include "tests/programs/objects.h"

static void errors(void) {
    struct epoll_event event = {EPOLLIN, {0}};
    const int epoll = epoll_create1(EPOLL_CLOEXEC), counter = eventfd(0, 0);
    SHOW(epoll_create(0));
    SHOW(epoll_create1(1));
    SHOW(fcntl(epoll, F_GETFD));
    SHOW(fcntl(epoll, F_GETFL));
    SHOW(epoll_ctl(epoll, 9, counter, &event));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, 999, &event));
    SHOW(epoll_ctl(999, EPOLL_CTL_ADD, counter, &event));
    SHOW(epoll_ctl(counter, EPOLL_CTL_ADD, epoll, &event));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, NULL));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, counter, &event));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_DEL, counter, NULL));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event));
    const int copy = dup(counter);
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, copy, &event));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_DEL, copy, NULL));
    SHOW(control(epoll, EPOLL_CTL_MOD, counter, EPOLLIN | EPOLLEXCLUSIVE, 1));
    const int file = open("epoll-file", O_RDWR | O_CREAT, 0600), null = open("/dev/null", O_RDWR);
    SHOW(control(epoll, EPOLL_CTL_ADD, file, EPOLLIN, 1));
    SHOW(control(epoll, EPOLL_CTL_ADD, null, EPOLLIN, 1));
    const int always = open("/dev/urandom", O_RDONLY);
    SHOW(control(epoll, EPOLL_CTL_ADD, always, EPOLLIN, 1));
    close(always);
    SHOW(epoll_wait(epoll, &event, 0, 0));
    volatile int negative = -1;
    SHOW(epoll_wait(epoll, &event, negative, 0));
    SHOW(epoll_wait(counter, &event, 1, 0));
    SHOW(epoll_wait(999, &event, 1, 0));
    add_to(counter, 1);
    SHOW(epoll_wait(epoll, nowhere, 1, 0));
    char byte;
    SHOW(read(epoll, &byte, 1));
    SHOW(write(epoll, &byte, 1));
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", epoll);
    SHOW(readlink(path, target, sizeof target - 1));
    printf("%s\n", target);
    unlink("epoll-file");
    const int all[] = {epoll, counter, copy, file, null};
    for (int i = 0; i < 5; i++) close(all[i]);
}

// The same steps for one pair of descriptors: what is written to `out` comes from `in`.
static void triggers(const char* kind, int in, int out) {
    char buffer[64];
    const int epoll = epoll_create1(0);
    printf("--- %s\n", kind);
    SHOW(control(epoll, EPOLL_CTL_ADD, in, EPOLLIN, 1));
    wait_once("nothing yet", epoll, 8, 0);
    write(out, "abc", 3);
    wait_once("level", epoll, 8, 1000);
    wait_once("level again", epoll, 8, 1000);
    SHOW(control(epoll, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLET, 2));
    wait_once("edge, by modifying", epoll, 8, 1000);
    wait_once("no second edge", epoll, 8, 0);
    SHOW(read(in, buffer, 1));
    wait_once("nor by reading", epoll, 8, 0);
    write(out, "d", 1);
    wait_once("new data are an edge", epoll, 8, 1000);
    wait_once("once", epoll, 8, 0);
    SHOW(control(epoll, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLONESHOT, 3));
    wait_once("one shot", epoll, 8, 1000);
    wait_once("and no more", epoll, 8, 0);
    write(out, "e", 1);
    wait_once("nor with new data", epoll, 8, 0);
    SHOW(control(epoll, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLONESHOT, 4));
    wait_once("armed again", epoll, 8, 1000);
    SHOW(control(epoll, EPOLL_CTL_MOD, in, EPOLLOUT | EPOLLONESHOT, 4) == 0);
    SHOW(control(epoll, EPOLL_CTL_MOD, in, 0, 5));
    wait_once("asked for nothing", epoll, 8, 0);
    SHOW(control(epoll, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLRDHUP, 6));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_DEL, in, NULL));
    wait_once("removed", epoll, 8, 0);
    SHOW(control(epoll, EPOLL_CTL_ADD, in, EPOLLIN | EPOLLRDHUP, 7));
    wait_once("added again", epoll, 8, 1000);
    const int twice = dup(in);
    SHOW(control(epoll, EPOLL_CTL_ADD, twice, EPOLLIN | EPOLLET, 8));
    wait_once("under two descriptors", epoll, 8, 1000);
    wait_once("one of them by edges", epoll, 8, 1000);
    SHOW(control(epoll, EPOLL_CTL_MOD, twice, EPOLLIN, 9));
    wait_once("modified", epoll, 8, 1000);
    SHOW(epoll_ctl(epoll, EPOLL_CTL_DEL, twice, NULL));
    wait_once("the other is left", epoll, 8, 1000);
    SHOW(control(epoll, EPOLL_CTL_ADD, twice, EPOLLIN, 8));
    close(twice);
    wait_once("closed, but not the file", epoll, 8, 1000);
    SHOW(read(in, buffer, sizeof buffer));
    wait_once("drained", epoll, 8, 0);
    close(out);
    wait_once("the other end is closed", epoll, 8, 1000);
    SHOW(read(in, buffer, sizeof buffer));
    // Closing forgets, but not while another descriptor has it open.
    const int copy = dup(in);
    close(in);
    wait_once("a copy is open", epoll, 8, 1000);
    close(copy);
    wait_once("all closed", epoll, 8, 20);
    close(epoll);
}

// Who is ready is told to all, in turn.
static void many(void) {
    int counters[6], sockets[2], epoll = epoll_create1(0);
    connect_pair(&sockets);
    for (int i = 0; i < 6; i++) {
        counters[i] = eventfd(1, EFD_NONBLOCK);
        control(epoll, EPOLL_CTL_ADD, counters[i], EPOLLIN, i + 1);
    }
    control(epoll, EPOLL_CTL_ADD, sockets[1], EPOLLIN | EPOLLOUT, 10);
    write(sockets[0], "x", 1);
    struct pollfd readable = {sockets[1], POLLIN, 0};
    poll(&readable, 1, -1);
    wait_once("all at once", epoll, 16, 1000);
    unsigned seen = 0;
    for (int round = 0; round < 14; round++) {
        struct epoll_event event;
        if (epoll_wait(epoll, &event, 1, 1000) == 1) seen |= 1u << (event.data.u64 & 0xffff);
    }
    printf("one at a time: %x\n", seen);
    SHOW(polled(epoll, POLLIN | POLLOUT));
    for (int i = 0; i < 6; i++) take_from(counters[i]);
    wait_once("the socket only", epoll, 16, 1000);
    for (int i = 0; i < 6; i++) close(counters[i]);
    close(sockets[0]);
    close(sockets[1]);
    close(epoll);
}

static void nested(void) {
    int counter = eventfd(0, EFD_NONBLOCK), sockets[2], epolls[7];
    connect_pair(&sockets);
    for (int i = 0; i < 7; i++) epolls[i] = epoll_create1(0);
    SHOW(control(epolls[0], EPOLL_CTL_ADD, counter, EPOLLIN, 1));
    for (int i = 1; i < 7; i++) {
        char what[32];
        snprintf(what, sizeof what, "nested %d times", i);
        show(what, control(epolls[i], EPOLL_CTL_ADD, epolls[i - 1], EPOLLIN, 10 + i));
    }
    SHOW(control(epolls[0], EPOLL_CTL_ADD, epolls[2], EPOLLIN, 1));
    wait_once("nothing", epolls[3], 8, 0);
    add_to(counter, 1);
    wait_once("through three", epolls[3], 8, 1000);
    SHOW(polled(epolls[3], POLLIN));
    take_from(counter);
    wait_once("nothing again", epolls[3], 8, 0);
    SHOW(control(epolls[0], EPOLL_CTL_ADD, sockets[1], EPOLLIN, 2));
    write(sockets[0], "x", 1);
    wait_once("of the network, through three", epolls[3], 8, 1000);
    wait_once("the innermost knows which", epolls[0], 8, 1000);
    SHOW(epoll_ctl(epolls[1], EPOLL_CTL_DEL, epolls[0], NULL));
    wait_once("cut off", epolls[3], 8, 0);
    close(counter);
    for (int i = 0; i < 7; i++) close(epolls[i]);
    close(sockets[0]);
    close(sockets[1]);
}

int main(void) {
    int pair[2];
    signal(SIGPIPE, SIG_IGN);
    errors();
    pipe(pair);
    triggers("pipe", pair[0], pair[1]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    triggers("socketpair", pair[0], pair[1]);
    connect_pair(&pair);
    triggers("network", pair[0], pair[1]);
    many();
    nested();
    return 0;
}
