// Messages with descriptors.
#pragma once

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static long send_files(int to, const char* text, const int* fds, int count, int type) {
    char control[CMSG_SPACE(sizeof(int) * 8)] = {0};
    struct iovec part = {(void*)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
    return sendmsg(to, &message, 0);
}
static long receive_files(int from, size_t room, int* fds, int* count, int flags) {
    char control[CMSG_SPACE(sizeof(int) * 8)] = {0}, text[64] = "";
    struct iovec part = {text, sizeof text - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    const long size = recvmsg(from, &message, flags);
    *count = 0;
    printf("'%s', flags %x, control %zu:", text, message.msg_flags, (size_t)message.msg_controllen);
    for (struct cmsghdr* h = CMSG_FIRSTHDR(&message); size >= 0 && h != NULL; h = CMSG_NXTHDR(&message, h)) {
        printf(" level %d type %d length %zu", h->cmsg_level, h->cmsg_type, (size_t)h->cmsg_len);
        if (h->cmsg_type != SCM_RIGHTS) continue;
        *count = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(h), sizeof(int) * (size_t)*count);
    }
    printf("\n");
    return size;
}
