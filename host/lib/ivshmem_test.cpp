#include "host/lib/ivshmem.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

namespace enclavisor::host {
namespace {

struct Message {
    std::int64_t value = 0;
    Fd fd;
};

std::optional<Message> receive(int socket) {
    Message message;
    iovec part{&message.value, sizeof(message.value)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    if (::recvmsg(socket, &header, MSG_DONTWAIT) != sizeof(message.value)) return std::nullopt;
    if (const cmsghdr* c = CMSG_FIRSTHDR(&header)) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        message.fd = Fd{fd};
    }
    return message;
}

TEST(Ivshmem, ConversationOfTheSpecification) {
    const Fd memory{::memfd_create("test", MFD_CLOEXEC)};
    ASSERT_EQ(::ftruncate(memory.get(), 4096), 0);
    const auto ends = prepare_ivshmem(memory.get());
    ASSERT_TRUE(ends);
    const int socket = ends.value().client.get();
    const std::int64_t values[] = {0, 1, -1, 0, 1};  // version, own id, memory, peer 0, self
    for (int i = 0; i < 5; i++) {
        const auto message = receive(socket);
        ASSERT_TRUE(message) << i;
        EXPECT_EQ(message->value, values[i]) << i;
        EXPECT_EQ(static_cast<bool>(message->fd), i >= 2) << i;
        if (i == 3) {  // ringing peer 0 is heard by the host
            const std::uint64_t one = 1;
            ASSERT_EQ(::write(message->fd.get(), &one, 8), 8);
            std::uint64_t rings = 0;
            EXPECT_EQ(::read(ends.value().host_doorbell.get(), &rings, 8), 8);
        }
    }
    EXPECT_FALSE(receive(socket));
}

}  // namespace
}  // namespace enclavisor::host
