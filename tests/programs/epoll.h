// What the tours of epoll share.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int control(int epoll, int operation, int fd, unsigned events, int data) {
    struct epoll_event event = {events, {.u64 = (uint64_t)data << 40 | (uint64_t)data}};
    return epoll_ctl(epoll, operation, fd, &event);
}

static inline int by_data(const void* a, const void* b) {
    const struct epoll_event *x = a, *y = b;
    return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

// One wait; events in the order of their data.
static inline void wait_once(const char* what, int epoll, int most, int milliseconds) {
    struct epoll_event events[16];
    const int count = epoll_wait(epoll, events, most, milliseconds);
    printf("%-40s %d", what, count);
    if (count < 0) printf(" %s", strerrorname_np(errno));
    if (count > 0) qsort(events, (size_t)count, sizeof events[0], by_data);
    for (int i = 0; i < count; i++) {
        const int data = (int)(events[i].data.u64 & 0xffff);
        printf(" %d%s:%x", data, events[i].data.u64 >> 40 == (uint64_t)data ? "" : "?", events[i].events);
    }
    printf("\n");
}

static inline void add_to(int counter, uint64_t value) {
    if (write(counter, &value, sizeof value) != sizeof value) abort();
}
static inline uint64_t take_from(int counter) {
    uint64_t value = 0;
    return read(counter, &value, sizeof value) == sizeof value ? value : 0;
}

// A connected pair of the network's loopback, the host's in an enclave.
static inline void connect_pair(int (*pair)[2]) {
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    socklen_t size = sizeof address;
    if (bind(server, (struct sockaddr*)&address, size) != 0 || listen(server, 8) != 0) abort();
    getsockname(server, (struct sockaddr*)&address, &size);
    (*pair)[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect((*pair)[0], (struct sockaddr*)&address, size) != 0) abort();
    (*pair)[1] = accept(server, NULL, NULL);
    close(server);
}
