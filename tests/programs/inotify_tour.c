// inotify, alone and under epoll.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/programs/objects.h"

static void show_events(int fd) {
    _Alignas(struct inotify_event) char buffer[4096];
    const long size = read(fd, buffer, sizeof buffer);
    if (size < 0) show("events", size);
    for (long at = 0; at < size;) {
        const struct inotify_event* event = (const void*)(buffer + at);
        printf("watch %d mask %x cookie %d name %s\n", event->wd, event->mask, event->cookie != 0,
               event->len > 0 ? event->name : "-");
        at += (long)(sizeof *event + event->len);
    }
}

int main(void) {
    SHOW(inotify_init1(1));
    const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    char path[64], target[64] = "", small[8];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    SHOW(readlink(path, target, sizeof target - 1));
    printf("%s\n", target);
    SHOW(mkdir("watched", 0700));
    SHOW(inotify_add_watch(fd, "missing", IN_ALL_EVENTS));
    SHOW(inotify_add_watch(fd, "watched", 0));
    SHOW(inotify_add_watch(0, "watched", IN_CREATE));
    SHOW(inotify_add_watch(fd, "watched", IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE));
    show_events(fd);
    const int epoll = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.u64 = 7}};
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    SHOW(epoll_wait(epoll, &event, 1, 0));
    const int file = open("watched/a-file", O_WRONLY | O_CREAT, 0600);
    write(file, "x", 1);
    close(file);
    rename("watched/a-file", "watched/another-name-that-is-longer");
    SHOW(epoll_wait(epoll, &event, 1, 1000));
    SHOW(read(fd, small, sizeof small));
    show_events(fd);
    SHOW(polled(fd, POLLIN));
    unlink("watched/another-name-that-is-longer");
    show_events(fd);
    SHOW(inotify_rm_watch(fd, 1));
    show_events(fd);
    SHOW(inotify_rm_watch(fd, 1));
    SHOW(inotify_rm_watch(epoll, 1));
    SHOW(rmdir("watched"));
    close(epoll);
    close(fd);
    return 0;
}
