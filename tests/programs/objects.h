// What the tours of pipes, sockets, events and epoll share.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

// An address where nothing is, which compilers do not know.
static void *volatile nowhere = (void *)16;

static inline void show(const char *what, long result) {
    const int error = errno;
    printf("%-52s %ld", what, result);
    if (result < 0) printf(" %s", strerrorname_np(error));
    printf("\n");
}
#define SHOW(expression) show(#expression, (long)(expression))

static inline short polled(int fd, short events) {
    struct pollfd entry = {fd, events, 0};
    const int ready = poll(&entry, 1, 0);
    return ready < 0 ? -1 : entry.revents;
}
