#include "host/lib/fd_message.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace enclavisor::host {
namespace {

struct Pair {
    Pair() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        a = Fd{ends[0]};
        b = Fd{ends[1]};
    }
    Fd a, b;
};

std::span<const std::byte> bytes_of(const int& value) {
    return std::as_bytes(std::span{&value, 1});
}

TEST(FdMessage, CarriesBytesAndDescriptors) {
    const Pair pair, inner;
    const int value = 77, fds[] = {inner.a.get(), inner.b.get()};
    ASSERT_TRUE(send_message(pair.a.get(), bytes_of(value), fds));
    int received = 0;
    const auto got = receive_message(pair.b.get(), std::as_writable_bytes(std::span{&received, 1}));
    ASSERT_TRUE(got);
    EXPECT_EQ(received, 77);
    ASSERT_EQ(got->size(), 2u);
    ASSERT_EQ(::write((*got)[0].get(), "x", 1), 1);
    char c;
    EXPECT_EQ(::read(inner.b.get(), &c, 1), 1);
}

TEST(FdMessage, TheOthersEndIsSeen) {
    Pair pair;
    pair.a.reset();
    int received = 0;
    EXPECT_FALSE(receive_message(pair.b.get(), std::as_writable_bytes(std::span{&received, 1})));
    EXPECT_FALSE(send_message(pair.b.get(), bytes_of(1)));
}

TEST(FdMessage, AMessageOfAnotherSizeIsRefused) {
    const Pair pair;
    const short small = 1;
    ASSERT_TRUE(send_message(pair.a.get(), std::as_bytes(std::span{&small, 1})));
    int received = 0;
    EXPECT_FALSE(receive_message(pair.b.get(), std::as_writable_bytes(std::span{&received, 1})));
}

}  // namespace
}  // namespace enclavisor::host
