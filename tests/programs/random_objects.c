// Thousands of random operations on objects, none of which waits, with all results
// printed. Usage: random_objects SEED STEPS
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/programs/objects.h"

enum kind { kFree, kPipeOut, kPipeIn, kStream, kDatagram, kSeqpacket, kCounter, kEpoll };
enum { kSlots = 40 };
static struct {
    int fd;
    enum kind kind;
} slots[kSlots];

static uint64_t state;
static unsigned below(unsigned limit) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % limit;
}

static int keep(int fd, enum kind kind) {
    for (int i = 0; i < kSlots; i++) {
        if (slots[i].kind != kFree) continue;
        slots[i].fd = fd;
        slots[i].kind = kind;
        return i;
    }
    close(fd);
    return -1;
}
static int used(void) {
    int count = 0;
    for (int i = 0; i < kSlots; i++) count += slots[i].kind != kFree;
    return count;
}
// A slot of a kind, or with kFree of any; -1: none was found.
static int pick(enum kind kind) {
    for (int tries = 0; tries < 200; tries++) {
        const int i = (int)below(kSlots);
        if (slots[i].kind != kFree && (kind == kFree || slots[i].kind == kind)) return i;
    }
    return -1;
}

static void make(void) {
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int fds[2];
    if (used() > kSlots - 4) return;
    const unsigned what = below(6);
    if (what == 0) {
        if (pipe2(fds, O_NONBLOCK) != 0) abort();
        const int out = keep(fds[0], kPipeOut);
        printf("pipe %d %d\n", out, keep(fds[1], kPipeIn));
    } else if (what <= 3) {
        if (socketpair(AF_UNIX, types[what - 1] | SOCK_NONBLOCK, 0, fds) != 0) abort();
        const int first = keep(fds[0], kStream + what - 1);
        printf("sockets of type %d: %d %d\n", types[what - 1], first, keep(fds[1], kStream + what - 1));
    } else if (what == 4) {
        const unsigned count = below(3);
        const int semaphore = below(2) ? EFD_SEMAPHORE : 0;
        printf("counter %d\n", keep(eventfd(count, EFD_NONBLOCK | semaphore), kCounter));
    } else {
        printf("epoll %d\n", keep(epoll_create1(0), kEpoll));
    }
}

static void write_some(int i, int step) {
    char bytes[64];
    uint64_t value = below(4);
    const unsigned size = 1 + below(60);
    memset(bytes, 'a' + step % 26, size);
    SHOW(slots[i].kind == kCounter ? write(slots[i].fd, &value, sizeof value)
                                   : write(slots[i].fd, bytes, size));
}
static void read_some(int i) {
    unsigned char bytes[256] = {0};
    unsigned sum = 0;
    const unsigned size = slots[i].kind == kCounter ? 8 : 1 + below(200);
    SHOW(read(slots[i].fd, bytes, size));
    for (unsigned k = 0; k < size; k++) sum = sum * 31 + bytes[k];
    printf("sum %u\n", sum);
}

static void control(int epoll, int i, int step) {
    static const unsigned events[] = {EPOLLIN,
                                      EPOLLOUT,
                                      EPOLLIN | EPOLLOUT,
                                      EPOLLIN | EPOLLONESHOT,
                                      EPOLLIN | EPOLLET,
                                      EPOLLOUT | EPOLLET,
                                      EPOLLIN | EPOLLOUT | EPOLLET,
                                      EPOLLIN | EPOLLRDHUP | EPOLLET,
                                      EPOLLRDHUP,
                                      0};
    struct epoll_event event = {events[below(10)], {.u64 = (uint64_t)step}};
    const int operation = 1 + (int)below(3);
    printf("epoll %d, operation %d on %d, events %x\n", epoll, operation, i, event.events);
    SHOW(epoll_ctl(slots[epoll].fd, operation, slots[i].fd, &event));
}
static int by_data(const void* a, const void* b) {
    const struct epoll_event *x = a, *y = b;
    return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}
static void wait_for(int epoll) {
    struct epoll_event events[kSlots * 2];
    const int count = epoll_wait(slots[epoll].fd, events, kSlots * 2, 0);
    printf("epoll %d: %d events\n", epoll, count);
    if (count > 0) qsort(events, (size_t)count, sizeof events[0], by_data);
    for (int i = 0; i < count; i++) printf("of step %d: %x\n", (int)events[i].data.u64, events[i].events);
}

static void poll_several(void) {
    static const short wanted[] = {POLLIN | POLLOUT, POLLIN | POLLRDHUP, POLLRDNORM | POLLWRNORM};
    struct pollfd entries[6];
    for (int i = 0; i < 6; i++) {
        const int slot = pick(kFree);
        entries[i] = (struct pollfd){slot < 0 ? -1 : slots[slot].fd, wanted[below(3)], 0};
        printf("%d ", slot);
    }
    SHOW(poll(entries, 6, 0));
    for (int i = 0; i < 6; i++) printf("%x%c", entries[i].revents, i < 5 ? ' ' : '\n');
}

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    state = strtoull(argv[1], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    for (int step = 0; step < atoi(argv[2]); step++) {
        const unsigned what = below(16);
        const int i = pick(what >= 8 && what <= 12 ? kEpoll
                           : what == 14            ? (enum kind)(kStream + below(3))
                                                   : kFree);
        printf("%d: %u on %d\n", step, what, i);
        if (what == 0 || i < 0) {
            make();
        } else if (what == 1) {
            if (below(3) != 0) continue;
            SHOW(close(slots[i].fd));
            slots[i].kind = kFree;
        } else if (what == 2) {
            if (below(3) != 0 || used() > kSlots - 2) continue;
            printf("copied to %d\n", keep(dup(slots[i].fd), slots[i].kind));
        } else if (what <= 4) {
            write_some(i, step);
        } else if (what <= 7) {
            read_some(i);
        } else if (what <= 9) {
            const int watched = pick(kFree);
            control(i, watched, step);
        } else if (what <= 12) {
            wait_for(i);
        } else if (what == 13) {
            poll_several();
        } else if (what == 14) {
            if (below(4) == 0) SHOW(shutdown(slots[i].fd, (int)below(3)));
        } else if (slots[i].kind != kEpoll) {
            int bytes = -7;
            SHOW(ioctl(slots[i].fd, FIONREAD, &bytes));
            printf("%d bytes\n", bytes);
        }
    }
    return 0;
}
