// UNIX sockets of the host between processes of the enclave: descriptors in messages, addresses, flags.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs/messages.h"
#include "tests/programs/objects.h"

static const size_t kRoom = CMSG_SPACE(sizeof(int) * 8);

static struct sockaddr_un named(const char* path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, path);
    return name;
}
static int bound(int type, const char* path) {
    const struct sockaddr_un name = named(path);
    const int s = socket(AF_UNIX, type, 0);
    unlink(path);
    SHOW(bind(s, (const struct sockaddr*)&name, sizeof name));
    return s;
}
static int file_with(const char* path, const char* text) {
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    SHOW(write(fd, text, strlen(text)));
    return fd;
}

// What the child opens, the parent uses: with the position, the flags, and after the child is gone.
static void over_a_connection(int type) {
    printf("--- descriptors, type %d\n", type);
    const struct sockaddr_un name = named("listener");
    const int listener = bound(type, "listener");
    SHOW(listen(listener, 4));
    if (fork() == 0) {
        const int s = socket(AF_UNIX, type, 0);
        int fds[3] = {file_with("sent-file", "0123456789"), open(".", O_RDONLY | O_DIRECTORY),
                      open("sent-file", O_WRONLY | O_APPEND)};
        lseek(fds[0], 3, SEEK_SET);
        if (connect(s, (const struct sockaddr*)&name, sizeof name) != 0) _exit(1);
        if (send_files(s, "three", fds, 3, SCM_RIGHTS) != 5) _exit(2);
        if (send_files(s, "two", fds, 2, SCM_RIGHTS) != 3) _exit(3);
        if (send_files(s, "none has room", fds, 1, SCM_RIGHTS) != 13) _exit(4);
        fds[1] = 999;
        if (send_files(s, "bad", fds, 2, SCM_RIGHTS) != -1 || errno != EBADF) _exit(5);
        if (send_files(s, "bad", fds, 1, 77) != -1 || errno != EINVAL) _exit(6);
        if (send_files(s, "last", &s, 1, SCM_RIGHTS) != 4) _exit(7);
        _exit(0);
    }
    int status, got[8], count;
    char buffer[32] = "";
    struct stat info;
    const int s = accept(listener, NULL, NULL);
    SHOW(wait(&status) > 0);
    SHOW(status);
    SHOW(receive_files(s, kRoom, got, &count, MSG_CMSG_CLOEXEC));
    SHOW(count);
    SHOW(fcntl(got[0], F_GETFD));
    SHOW(fcntl(got[0], F_GETFL) & O_ACCMODE);
    SHOW(fcntl(got[2], F_GETFL) & (O_ACCMODE | O_APPEND));
    SHOW(read(got[0], buffer, 4));
    puts(buffer);
    SHOW(write(got[2], "end", 3));
    SHOW(pread(got[0], buffer, 31, 0));
    puts(buffer);
    SHOW(openat(got[1], "sent-file", O_RDONLY) >= 0);
    SHOW(fstat(got[1], &info));
    SHOW(S_ISDIR(info.st_mode));
    SHOW(read(got[2], buffer, 1));
    for (int i = 0; i < count; i++) SHOW(close(got[i]));
    SHOW(receive_files(s, CMSG_LEN(sizeof(int)), got, &count, 0));
    SHOW(fcntl(got[0], F_GETFD));
    SHOW(lseek(got[0], 0, SEEK_CUR));
    SHOW(receive_files(s, 0, got, &count, 0));
    SHOW(receive_files(s, kRoom, got, &count, 0));
    SHOW(send(got[0], "to nobody", 9, MSG_NOSIGNAL) < 0 || type == SOCK_STREAM);
    SHOW(receive_files(s, kRoom, got, &count, MSG_DONTWAIT));
    close(s);
    close(listener);
}

// Datagrams: who sent them, and what was cut off.
static void datagrams(void) {
    printf("--- datagrams\n");
    const int a = bound(SOCK_DGRAM, "first"), b = bound(SOCK_DGRAM, "second");
    struct sockaddr_un to = named("second"), from;
    int fd = file_with("sent-file", "datagram"), got[8], count;
    char control[CMSG_SPACE(sizeof(int))] = {0}, text[8] = "";
    struct iovec part = {(void*)"with a file", 11};
    struct msghdr message = {.msg_name = &to,
                             .msg_namelen = sizeof to,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    *header =
        (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    SHOW(sendmsg(a, &message, 0));
    memset(&from, 0, sizeof from);
    part = (struct iovec){text, 5};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    SHOW(recvmsg(b, &message, 0));
    printf("'%s' from '%s', flags %x, control %zu\n", text, from.sun_path, message.msg_flags,
           (size_t)message.msg_controllen);
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    SHOW(pread(fd, text, 7, 0));
    puts(text);
    message = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1, .msg_name = &from, .msg_namelen = 4};
    SHOW(sendto(a, "again", 5, 0, (const struct sockaddr*)&to, sizeof to));
    SHOW(recvmsg(b, &message, 0));
    SHOW(message.msg_namelen > 4);
    SHOW(message.msg_flags);
    SHOW(receive_files(b, kRoom, got, &count, MSG_DONTWAIT));
    message.msg_namelen = (socklen_t)-1;
    SHOW(recvmsg(b, &message, MSG_DONTWAIT));
    close(a);
    close(b);
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    over_a_connection(SOCK_STREAM);
    over_a_connection(SOCK_SEQPACKET);
    datagrams();
    for (const char* const* name = (const char* const[]){"listener", "first", "second", "sent-file", NULL};
         *name != NULL; name++) {
        unlink(*name);
    }
    return 0;
}
