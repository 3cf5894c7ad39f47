// epoll and poll with threads: waits that are ended by what another does, servers, and
// several who wait for the same.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/programs/epoll.h"
#include "tests/programs/objects.h"

// --- Waits that something else ends -------------------------------------------

struct later {
    int what;  // 0: counter, 1: socket, 2: signal, 3: timer, 4: adds a ready counter to an epoll
    int fd, epoll;
    pthread_t thread;
};
static void* happen(void* argument) {
    struct later* later = argument;
    const struct itimerspec soon = {{0, 0}, {0, 5000000}};
    usleep(30000);
    switch (later->what) {
        case 0:
            add_to(later->fd, 1);
            break;
        case 1:
            write(later->fd, "x", 1);
            break;
        case 2:
            pthread_kill(later->thread, SIGUSR1);
            break;
        case 3:
            timerfd_settime(later->fd, 0, &soon, NULL);
            break;
        default:
            control(later->epoll, EPOLL_CTL_ADD, later->fd, EPOLLIN, 9);
    }
    return NULL;
}
static pthread_t start(struct later* later) {
    pthread_t thread;
    later->thread = pthread_self();
    pthread_create(&thread, NULL, happen, later);
    return thread;
}

static volatile sig_atomic_t caught;
static void catch (int number) {
    (void)number;
    caught++;
}

static void ended_by(void) {
    const int epoll = epoll_create1(0), counter = eventfd(0, EFD_NONBLOCK), full = eventfd(1, 0);
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int sockets[2];
    char buffer[8];
    connect_pair(&sockets);
    for (int with_socket = 0; with_socket < 2; with_socket++) {
        if (with_socket == 0) {
            control(epoll, EPOLL_CTL_ADD, counter, EPOLLIN, 1);
            control(epoll, EPOLL_CTL_ADD, timer, EPOLLIN | EPOLLET, 2);
        } else {
            control(epoll, EPOLL_CTL_ADD, sockets[1], EPOLLIN, 3);
        }
        struct later later = {0, counter, epoll, 0};
        pthread_t thread = start(&later);
        wait_once("a counter", epoll, 8, -1);
        pthread_join(thread, NULL);
        take_from(counter);
        later.what = 3;
        later.fd = timer;
        thread = start(&later);
        wait_once("a timer, set meanwhile", epoll, 8, 10000);
        pthread_join(thread, NULL);
        wait_once("once only", epoll, 8, 20);
        take_from(timer);
        if (with_socket) {
            later.what = 1;
            later.fd = sockets[0];
            thread = start(&later);
            wait_once("a socket", epoll, 8, -1);
            pthread_join(thread, NULL);
            read(sockets[1], buffer, sizeof buffer);
        }
        later.what = 4;
        later.fd = full;
        thread = start(&later);
        wait_once("one that is added", epoll, 8, -1);
        pthread_join(thread, NULL);
        epoll_ctl(epoll, EPOLL_CTL_DEL, full, NULL);
        wait_once("the timeout", epoll, 8, 15);
        // poll(2), with the epoll and beside it.
        struct pollfd entries[3] = {
            {epoll, POLLIN, 0}, {full, POLLPRI, 0}, {with_socket ? sockets[0] : -1, POLLIN, 0}};
        later.what = 0;
        later.fd = counter;
        thread = start(&later);
        SHOW(poll(entries, 3, -1));
        printf("%x %x %x\n", entries[0].revents, entries[1].revents, entries[2].revents);
        pthread_join(thread, NULL);
        take_from(counter);
        // Signals: a handler ends the wait, and a mask is exchanged for its time only.
        struct sigaction action = {.sa_handler = catch, .sa_flags = SA_RESTART};
        sigaction(SIGUSR1, &action, NULL);
        later.what = 2;
        caught = 0;
        thread = start(&later);
        wait_once("a signal", epoll, 8, -1);
        pthread_join(thread, NULL);
        printf("caught %d\n", caught);
        sigset_t block, none, now;
        sigemptyset(&none);
        sigemptyset(&block);
        sigaddset(&block, SIGUSR1);
        sigprocmask(SIG_BLOCK, &block, NULL);
        raise(SIGUSR1);
        struct epoll_event event;
        SHOW(epoll_wait(epoll, &event, 1, 10));
        printf("caught %d\n", caught);
        SHOW(epoll_pwait(epoll, &event, 1, -1, &none));
        printf("caught %d\n", caught);
        sigprocmask(SIG_SETMASK, NULL, &now);
        SHOW(sigismember(&now, SIGUSR1));
        thread = start(&later);
        SHOW(epoll_pwait(epoll, &event, 1, -1, &none));
        pthread_join(thread, NULL);
        printf("caught %d\n", caught);
        const struct timespec wait = {0, 5000000};
        SHOW(epoll_pwait2(epoll, &event, 1, &wait, &none));
        thread = start(&later);
        SHOW(ppoll(entries, 2, NULL, &none));
        pthread_join(thread, NULL);
        printf("caught %d\n", caught);
        sigprocmask(SIG_UNBLOCK, &block, NULL);
        SHOW(epoll_pwait(epoll, &event, 1, 0, NULL));
    }
    const int all[] = {epoll, counter, full, timer, sockets[0], sockets[1]};
    for (int i = 0; i < 6; i++) close(all[i]);
}

// --- An edge-triggered echo server --------------------------------------------

enum { kClients = 6, kRounds = 12 };
static int server, stop_event;
static struct sockaddr_in server_address;

static void* serve(void* argument) {
    long* total = argument;
    static char buffer[1 << 16];
    const int epoll = epoll_create1(0);
    static char held[64][1 << 18];
    static long begin[64], end[64];
    control(epoll, EPOLL_CTL_ADD, server, EPOLLIN | EPOLLET, 0);
    control(epoll, EPOLL_CTL_ADD, stop_event, EPOLLIN, 1000);
    for (;;) {
        struct epoll_event events[8];
        const int count = epoll_wait(epoll, events, 8, -1);
        if (count < 0) abort();
        for (int i = 0; i < count; i++) {
            int fd = (int)(events[i].data.u64 & 0xffff);
            if (fd == 1000) {
                close(epoll);
                return NULL;
            }
            if (fd == 0) {
                while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    if (fd >= 64) abort();
                    begin[fd] = end[fd] = 0;
                    control(epoll, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, fd);
                }
                if (errno != EAGAIN) abort();
                continue;
            }
            // Whatever is told: write what can be written, read what can be read.
            for (;;) {
                while (begin[fd] < end[fd]) {
                    const long sent =
                        send(fd, held[fd] + begin[fd], (size_t)(end[fd] - begin[fd]), MSG_NOSIGNAL);
                    if (sent < 0) break;
                    begin[fd] += sent;
                    *total += sent;
                }
                if (begin[fd] < end[fd]) break;
                begin[fd] = end[fd] = 0;
                const long got = recv(fd, buffer, sizeof buffer, 0);
                if (got < 0) break;
                if (got == 0) {
                    close(fd);
                    break;
                }
                memcpy(held[fd], buffer, (size_t)got);
                end[fd] = got;
            }
        }
    }
}

static void* be_client(void* argument) {
    const int self = (int)(size_t)argument;
    static char sent[kClients][20000], got[kClients][20000];
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    long wrong = 0;
    if (connect(fd, (struct sockaddr*)&server_address, sizeof server_address) != 0) abort();
    for (int round = 0; round < kRounds; round++) {
        const long size = 1 + (self * 7919 + round * 1931) % 20000;
        for (long i = 0; i < size; i++) sent[self][i] = (char)(self * 31 + round * 7 + i);
        for (long done = 0; done < size;) {
            const long count = send(fd, sent[self] + done, (size_t)(size - done), 0);
            if (count <= 0) abort();
            done += count;
        }
        for (long done = 0; done < size;) {
            const long count = recv(fd, got[self] + done, (size_t)(size - done), 0);
            if (count <= 0) abort();
            done += count;
        }
        wrong += memcmp(sent[self], got[self], (size_t)size) != 0;
    }
    close(fd);
    return (void*)wrong;
}

static void echo_server(void) {
    pthread_t serving, clients[kClients];
    long total = 0, wrong = 0;
    socklen_t size = sizeof server_address;
    server_address = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    stop_event = eventfd(0, 0);
    if (bind(server, (struct sockaddr*)&server_address, size) != 0 || listen(server, 16) != 0) abort();
    getsockname(server, (struct sockaddr*)&server_address, &size);
    pthread_create(&serving, NULL, serve, &total);
    for (size_t i = 0; i < kClients; i++) pthread_create(&clients[i], NULL, be_client, (void*)i);
    for (int i = 0; i < kClients; i++) {
        void* result;
        pthread_join(clients[i], &result);
        wrong += (long)result;
    }
    add_to(stop_event, 1);
    pthread_join(serving, NULL);
    printf("echoed %ld, wrong %ld\n", total, wrong);
    close(server);
    close(stop_event);
}

// Several threads wait for one epoll; each event of a semaphore is taken once.
static int shared_epoll, semaphore, finished;
static void* take_events(void* argument) {
    long taken = 0;
    struct epoll_event event;
    (void)argument;
    for (;;) {
        if (epoll_wait(shared_epoll, &event, 1, -1) != 1) abort();
        if ((event.data.u64 & 0xffff) == 2) return (void*)taken;
        if (take_from(semaphore) == 1) taken++;
    }
}
static void shared(void) {
    pthread_t threads[4];
    long taken = 0;
    shared_epoll = epoll_create1(0);
    semaphore = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
    finished = eventfd(0, 0);
    control(shared_epoll, EPOLL_CTL_ADD, semaphore, EPOLLIN, 1);
    control(shared_epoll, EPOLL_CTL_ADD, finished, EPOLLIN, 2);
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, take_events, NULL);
    for (int i = 0; i < 500; i++) add_to(semaphore, 1);
    while (polled(semaphore, POLLIN) != 0) usleep(1000);
    add_to(finished, 1);
    for (int i = 0; i < 4; i++) {
        void* result;
        pthread_join(threads[i], &result);
        taken += (long)result;
    }
    printf("taken %ld\n", taken);
    close(shared_epoll);
    close(semaphore);
    close(finished);
}

// Each question comes by a counter or over the network, in turn, and is waited for
// together with the other: none may be lost.
enum { kQuestions = 300 };
static int question, reply, network[2];
static void* answer(void* argument) {
    const unsigned edge = *(int*)argument == 2 ? EPOLLET : 0;
    const int epoll = epoll_create1(0);
    char byte;
    control(epoll, EPOLL_CTL_ADD, question, EPOLLIN | edge, 0);
    control(epoll, EPOLL_CTL_ADD, network[1], EPOLLIN | edge, 1);
    for (int answered = 0; answered < kQuestions;) {
        struct pollfd polled[2] = {{question, POLLIN, 0}, {network[1], POLLIN, 0}};
        struct epoll_event events[2];
        int ready[2] = {0, 0};
        if (*(int*)argument == 0) {
            if (poll(polled, 2, -1) < 1) abort();
            for (int i = 0; i < 2; i++) ready[i] = polled[i].revents != 0;
        } else {
            const int count = epoll_wait(epoll, events, 2, -1);
            if (count < 1) abort();
            for (int i = 0; i < count; i++) ready[events[i].data.u64 & 1] = 1;
        }
        if (ready[0]) take_from(question);
        if (ready[1] && read(network[1], &byte, 1) != 1) abort();
        for (int i = 0; i < 2; i++) {
            if (ready[i]) add_to(reply, 1), answered++;
        }
    }
    close(epoll);
    return NULL;
}
static void answered(void) {
    for (int way = 0; way < 3; way++) {
        pthread_t thread;
        question = eventfd(0, 0);
        reply = eventfd(0, 0);
        connect_pair(&network);
        pthread_create(&thread, NULL, answer, &way);
        for (int i = 0; i < kQuestions; i++) {
            if (i % 3 == 2) {
                write(network[0], "x", 1);
            } else {
                add_to(question, 1);
            }
            take_from(reply);
        }
        pthread_join(thread, NULL);
        printf("all answered\n");
        const int all[] = {question, reply, network[0], network[1]};
        for (int i = 0; i < 4; i++) close(all[i]);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    ended_by();
    echo_server();
    shared();
    answered();
    return 0;
}
