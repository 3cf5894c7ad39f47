// Lets a secret pass through every object of the enclave and leaves it in some, then says
// so. The secret is computed, so it lies in no file: secrecy_test.cpp does the same.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kSize = 48 };

static void make(char* text, int variant) {
    for (int i = 0; i < kSize; i++) text[i] = (char)('A' + (i * i * 7 + i * variant + 3) % 26);
}

int main(void) {
    char secret[kSize], buffer[kSize], published[kSize + 1];
    unsigned long word;
    int fds[2], result = 0;
    make(secret, 5);
    memcpy(&word, secret, sizeof word);
    result |= pipe(fds) != 0;
    for (int i = 0; i < 2; i++) result |= write(fds[1], secret, kSize) != kSize;
    result |= read(fds[0], buffer, kSize) != kSize || memcmp(buffer, secret, kSize) != 0;
    const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int t = 0; t < 3; t++) {
        int pair[2];
        result |= socketpair(AF_UNIX, types[t], 0, pair) != 0;
        struct iovec parts[2] = {{secret, 20}, {secret + 20, kSize - 20}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        result |= sendmsg(pair[0], &message, 0) != kSize;
        result |= send(pair[0], secret, kSize, 0) != kSize;
        result |= recv(pair[1], buffer, kSize, 0) != kSize || memcmp(buffer, secret, kSize) != 0;
    }
    const int counter = eventfd(0, 0), host = socket(AF_INET, SOCK_DGRAM, 0), epoll = epoll_create1(0);
    result |= write(counter, &word, sizeof word) != sizeof word;
    struct epoll_event event = {EPOLLIN | EPOLLOUT, {.u64 = word}}, events[4];
    result |= epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event) != 0;
    result |= epoll_ctl(epoll, EPOLL_CTL_ADD, host, &event) != 0;
    result |= epoll_wait(epoll, events, 4, 1000) < 1 || events[0].data.u64 != word;
    struct pollfd polled[3] = {{fds[0], POLLIN, 0}, {host, POLLOUT, 0}, {epoll, POLLIN, 0}};
    result |= poll(polled, 3, 1000) != 3;
    result |= write(1, result == 0 ? "ready\n" : "wrong\n", 6) != 6;
    // What is meant for the host is found: so the search works.
    make(published, 11);
    result |= write(1, published, kSize) != kSize;
    return result;
}
