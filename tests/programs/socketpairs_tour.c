// Sockets of socketpair(), as pipes_tour.c does with pipes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/programs/messages.h"
#include "tests/programs/objects.h"

static volatile sig_atomic_t broken_pipes;
static void count_broken_pipe(int number) {
    (void)number;
    broken_pipes++;
}

static int option(int fd, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -errno;
}

static void making(void) {
    int s[2];
    struct stat info;
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, s));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 7, s));
    SHOW(socketpair(AF_UNIX, 9, 0, s));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, NULL));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, PF_UNIX, s));
    SHOW(fcntl(s[0], F_GETFL));
    SHOW(fcntl(s[1], F_GETFD));
    SHOW(fstat(s[0], &info));
    printf("mode %o, size %ld\n", info.st_mode, (long)info.st_size);
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", s[0]);
    SHOW(readlink(path, target, sizeof target - 1) > 0);
    printf("named socket:[number]: %d\n",
           strncmp(target, "socket:[", 8) == 0 && strtoull(target + 8, NULL, 10) == info.st_ino);
    SHOW(lseek(s[0], 0, SEEK_SET));
    SHOW(option(s[0], SO_TYPE));
    SHOW(option(s[0], SO_DOMAIN));
    SHOW(option(s[0], SO_PROTOCOL));
    SHOW(option(s[0], SO_ERROR));
    SHOW(option(s[0], SO_ACCEPTCONN));
    SHOW(option(s[0], SO_PASSCRED));
    SHOW(option(s[0], 9999));
    int value = 1;
    SHOW(setsockopt(s[0], SOL_SOCKET, SO_TYPE, &value, sizeof value));
    SHOW(setsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &value, 1));
    struct ucred peer;
    socklen_t size = sizeof peer;
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &peer, &size));
    printf("peer is myself: %d %d, size %u\n", peer.pid == getpid(),
           peer.uid == getuid() && peer.gid == getgid(), size);
    struct sockaddr_un name;
    size = sizeof name;
    SHOW(getsockname(s[0], (struct sockaddr*)&name, &size));
    printf("family %d, size %u\n", name.sun_family, size);
    size = 1;
    SHOW(getpeername(s[0], (struct sockaddr*)&name, &size));
    printf("size %u\n", size);
    int on = 1;
    SHOW(ioctl(s[0], FIOASYNC, &on));
    SHOW(fcntl(s[0], F_SETOWN, getpid()));
    SHOW(fcntl(s[0], F_GETOWN) == getpid());
    SHOW(fcntl(s[0], F_GETFL) & O_ASYNC);
    SHOW(fcntl(s[0], F_SETFL, O_NONBLOCK));
    SHOW(listen(s[0], 1));
    SHOW(accept(s[0], NULL, NULL));
    SHOW(polled(s[0], POLLIN | POLLOUT));
    close(s[0]);
    close(s[1]);
}

static void stream(void) {
    int s[2], bytes = -1;
    char buffer[64] = "";
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    SHOW(send(s[0], "hello ", 6, 0));
    SHOW(write(s[0], "world", 5));
    SHOW(ioctl(s[1], FIONREAD, &bytes));
    printf("bytes %d\n", bytes);
    SHOW(polled(s[1], POLLIN | POLLOUT));
    SHOW(recv(s[1], buffer, 8, MSG_PEEK));
    SHOW(recv(s[1], buffer, 3, 0));
    SHOW(read(s[1], buffer, 60));
    printf("'%.8s'\n", buffer);
    SHOW(recv(s[1], buffer, 1, MSG_DONTWAIT));
    SHOW(recv(s[1], buffer, 0, MSG_DONTWAIT));
    SHOW(send(s[1], buffer, 0, 0));
    SHOW(recv(s[0], buffer, 1, MSG_DONTWAIT));
    struct sockaddr_un to = {AF_UNIX, "/nowhere"};
    SHOW(sendto(s[0], "x", 1, 0, (struct sockaddr*)&to, sizeof to));
    socklen_t size = sizeof to;
    write(s[0], "abc", 3);
    SHOW(recvfrom(s[1], buffer, 3, 0, (struct sockaddr*)&to, &size));
    printf("size %u\n", size);
    // One side shut down.
    SHOW(shutdown(s[0], 7));
    SHOW(shutdown(s[0], SHUT_WR));
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    SHOW(polled(s[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(recv(s[1], buffer, 1, 0));
    SHOW(write(s[1], "back", 4));
    SHOW(read(s[0], buffer, 10));
    SHOW(shutdown(s[1], SHUT_RDWR));
    SHOW(polled(s[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(polled(s[1], POLLIN | POLLOUT | POLLRDHUP));
    signal(SIGPIPE, count_broken_pipe);
    SHOW(write(s[1], "x", 1));
    printf("signals %d\n", broken_pipes);
    close(s[0]);
    close(s[1]);
    // Closed with something unread, and without.
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    write(s[0], "unread", 6);
    write(s[1], "answer", 6);
    close(s[1]);
    SHOW(polled(s[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(recv(s[0], buffer, 60, 0));
    SHOW(recv(s[0], buffer, 60, 0));
    SHOW(recv(s[0], buffer, 60, 0));
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    close(s[0]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    close(s[1]);
    SHOW(polled(s[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(recv(s[0], buffer, 60, 0));
    SHOW(option(s[0], SO_ERROR));
    SHOW(write(s[0], "x", 1));
    printf("signals %d\n", broken_pipes);
    close(s[0]);
}

static void messages(int type) {
    int s[2], bytes = -1;
    char buffer[64] = "";
    printf("--- type %d\n", type);
    socketpair(AF_UNIX, type, 0, s);
    SHOW(send(s[0], "first", 5, 0));
    SHOW(send(s[0], "", 0, 0));
    SHOW(send(s[0], "the third", 9, 0));
    SHOW(ioctl(s[1], FIONREAD, &bytes));
    printf("bytes %d\n", bytes);
    SHOW(recv(s[1], buffer, 2, MSG_PEEK));
    SHOW(recv(s[1], buffer, 2, MSG_PEEK | MSG_TRUNC));
    SHOW(recv(s[1], buffer, 60, 0));
    SHOW(recv(s[1], buffer, 60, 0));
    struct iovec part = {buffer, 3};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    SHOW(recvmsg(s[1], &message, 0));
    printf("flags %x, '%.3s'\n", message.msg_flags, buffer);
    SHOW(recv(s[1], buffer, 60, MSG_DONTWAIT));
    SHOW(option(s[1], SO_TYPE));
    static char large[1 << 20];
    SHOW(send(s[0], large, sizeof large, MSG_DONTWAIT));
    SHOW(send(s[0], large, 100000, MSG_DONTWAIT));
    SHOW(recv(s[1], large, sizeof large, 0));
    SHOW(shutdown(s[0], SHUT_WR));
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    SHOW(recv(s[1], buffer, 1, MSG_DONTWAIT));
    SHOW(polled(s[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(polled(s[0], POLLIN | POLLRDHUP));
    close(s[0]);
    close(s[1]);
    socketpair(AF_UNIX, type, 0, s);
    close(s[1]);
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    SHOW(recv(s[0], buffer, 1, MSG_DONTWAIT));
    close(s[0]);
}

static void descriptors(int type) {
    int s[2], fds[8], got[8], count;
    char buffer[16] = "";
    printf("--- descriptors, type %d\n", type);
    socketpair(AF_UNIX, type, 0, s);
    pipe(fds);
    SHOW(send_files(s[0], "a pipe", fds, 2, SCM_RIGHTS));
    write(s[0], "and more", 8);
    close(fds[0]);
    close(fds[1]);
    SHOW(receive_files(s[1], CMSG_SPACE(sizeof(int) * 8), got, &count, MSG_CMSG_CLOEXEC));
    SHOW(count);
    SHOW(write(got[1], "through", 7));
    SHOW(read(got[0], buffer, sizeof buffer));
    SHOW(fcntl(got[0], F_GETFD));
    SHOW(receive_files(s[1], CMSG_SPACE(sizeof(int) * 8), fds, &count, 0));
    // A file of the host's, and too little room.
    fds[0] = open(".", O_RDONLY);
    fds[1] = got[0];
    SHOW(send_files(s[0], "two", fds, 2, SCM_RIGHTS));
    close(fds[0]);
    SHOW(receive_files(s[1], CMSG_LEN(sizeof(int)), got + 2, &count, 0));
    struct stat info;
    SHOW(fstat(got[2], &info));
    SHOW(S_ISDIR(info.st_mode));
    SHOW(send_files(s[0], "lost", got, 1, SCM_RIGHTS));
    SHOW(receive_files(s[1], 0, fds, &count, 0));
    fds[0] = 999;
    SHOW(send_files(s[0], "bad", fds, 1, SCM_RIGHTS));
    SHOW(send_files(s[0], "bad", fds, 1, 77));
    // Who sends.
    int on = 1;
    SHOW(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    write(s[0], "who", 3);
    SHOW(receive_files(s[1], CMSG_SPACE(sizeof(struct ucred)), fds, &count, 0));
    // One that nobody receives is closed with the socket.
    pipe(fds);
    SHOW(send_files(s[0], "unread", fds + 1, 1, SCM_RIGHTS));
    close(fds[1]);
    SHOW(polled(fds[0], POLLIN));
    close(s[0]);
    close(s[1]);
    SHOW(polled(fds[0], POLLIN));
    close(fds[0]);
    for (int i = 0; i < 3; i++) close(got[i]);
}

// Several messages in one call, on a pair and on the network.
static void many_messages(int from, int to) {
    char texts[4][16] = {{0}};
    struct iovec out[3] = {{"one", 3}, {"two", 3}, {"three", 5}}, in[4];
    struct mmsghdr sent[3] = {{{0}, 0}}, got[4] = {{{0}, 0}};
    for (int i = 0; i < 3; i++) sent[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
    for (int i = 0; i < 4; i++) {
        in[i] = (struct iovec){texts[i], 15};
        got[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
    }
    SHOW(sendmmsg(from, sent, 3, 0));
    printf("%u %u %u\n", sent[0].msg_len, sent[1].msg_len, sent[2].msg_len);
    usleep(5000);
    SHOW(recvmmsg(to, got, 4, MSG_WAITFORONE, NULL));
    printf("%u '%s' %u '%s' %u '%s'\n", got[0].msg_len, texts[0], got[1].msg_len, texts[1], got[2].msg_len,
           texts[2]);
    SHOW(recvmmsg(to, got, 4, MSG_DONTWAIT, NULL));
    struct timespec bad = {0, -1};
    SHOW(recvmmsg(to, got, 4, 0, &bad));
    SHOW(sendmmsg(from, NULL, 1, 0));
    close(from);
    close(to);
}
static void messages_at_once(void) {
    int s[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    many_messages(s[0], s[1]);
    s[0] = socket(AF_INET, SOCK_DGRAM, 0);
    s[1] = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    socklen_t size = sizeof address;
    SHOW(bind(s[1], (struct sockaddr*)&address, size));
    getsockname(s[1], (struct sockaddr*)&address, &size);
    SHOW(connect(s[0], (struct sockaddr*)&address, size));
    many_messages(s[0], s[1]);
}

// --- Threads ------------------------------------------------------------------

static int pair[2];
static void* echo(void* argument) {
    char buffer[5000];
    long count, total = 0;
    while ((count = recv(pair[1], buffer, sizeof buffer, 0)) > 0) {
        for (long done = 0; done < count;) {
            const long step = send(pair[1], buffer + done, (size_t)(count - done), 0);
            if (step <= 0) abort();
            done += step;
        }
        total += count;
    }
    shutdown(pair[1], SHUT_WR);
    *(long*)argument = total;
    return NULL;
}
static void* feed(void* argument) {
    static unsigned char bytes[70001];
    long sent = 0;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)((sent + (long)i) * 7 >> 2);
        for (size_t done = 0; done < sizeof bytes;) {
            const long count = send(pair[0], bytes + done, sizeof bytes - done, 0);
            if (count <= 0) abort();
            done += (size_t)count;
        }
        sent += (long)sizeof bytes;
    }
    shutdown(pair[0], SHUT_WR);
    *(long*)argument = sent;
    return NULL;
}
static void echo_through_threads(void) {
    pthread_t threads[2];
    long echoed = 0, sent = 0, at = 0, wrong = 0, count;
    unsigned char buffer[3001];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pthread_create(&threads[0], NULL, echo, &echoed);
    pthread_create(&threads[1], NULL, feed, &sent);
    while ((count = recv(pair[0], buffer, sizeof buffer, 0)) > 0) {
        for (long i = 0; i < count; i++, at++) wrong += buffer[i] != (unsigned char)(at * 7 >> 2);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    printf("sent %ld, echoed %ld, back %ld, wrong %ld\n", sent, echoed, at, wrong);
    close(pair[0]);
    close(pair[1]);
}

static void* send_in_parts(void* argument) {
    (void)argument;
    for (int i = 0; i < 4; i++) {
        usleep(5000);
        send(pair[0], "part", 4, 0);
    }
    return NULL;
}
static void waiting(void) {
    char buffer[32];
    pthread_t sender;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pthread_create(&sender, NULL, send_in_parts, NULL);
    SHOW(recv(pair[1], buffer, 16, MSG_WAITALL));
    pthread_join(sender, NULL);
    const struct timeval soon = {0, 20000};
    SHOW(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon));
    SHOW(recv(pair[1], buffer, 1, 0));
    SHOW(setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon));
    static char bytes[1 << 20];
    SHOW(send(pair[1], bytes, sizeof bytes, 0) < (long)sizeof bytes);
    SHOW(send(pair[1], bytes, sizeof bytes, 0));
    SHOW(polled(pair[1], POLLOUT));
    close(pair[0]);
    close(pair[1]);
}

int main(void) {
    making();
    stream();
    messages(SOCK_DGRAM);
    messages(SOCK_SEQPACKET);
    descriptors(SOCK_STREAM);
    descriptors(SOCK_DGRAM);
    messages_at_once();
    echo_through_threads();
    waiting();
    return 0;
}
