#include "host/proxy/executor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>

namespace enclavisor::host {
namespace {

using abi::ForwardedCall;

// The last call that a recording executor made.
struct {
    int number;
    SystemCallArguments arguments;
    int count = 0;
} recorded;

std::int64_t record(int number, const SystemCallArguments& arguments) {
    recorded = {number, arguments, recorded.count + 1};
    return 0;
}

abi::SubmissionEntry entry(ForwardedCall call, std::initializer_list<std::uint64_t> arguments) {
    abi::SubmissionEntry result{};
    result.call = static_cast<std::uint32_t>(call);
    std::copy(arguments.begin(), arguments.end(), result.arguments);
    return result;
}

class ExecutorTest : public testing::Test {
protected:
    void put(std::size_t offset, std::string_view text) {
        std::memcpy(data_.data() + offset, text.data(), text.size());
        data_[offset + text.size()] = std::byte{0};
    }
    std::vector<std::byte> data_{abi::kIoDataSize};
    Executor real_{{900}};
    Executor recording_{{900}, record};
};

TEST_F(ExecutorTest, FileRoundTrip) {
    char name[] = "/tmp/executor-XXXXXX";
    ::close(::mkstemp(name));
    put(100, name);
    const auto fd = real_.execute(
        entry(ForwardedCall::kOpenat, {static_cast<std::uint64_t>(AT_FDCWD), 100, O_RDWR}), data_);
    ASSERT_GE(fd, 0);
    const auto file = static_cast<std::uint64_t>(fd);
    put(200, "hello");
    EXPECT_EQ(real_.execute(entry(ForwardedCall::kPwrite, {file, 200, 5, 0}), data_), 5);
    EXPECT_EQ(real_.execute(entry(ForwardedCall::kPread, {file, 300, 50, 1}), data_), 4);
    EXPECT_EQ(std::memcmp(data_.data() + 300, "ello", 4), 0);
    EXPECT_EQ(real_.execute(entry(ForwardedCall::kFstat, {file, 1024}), data_), 0);
    std::int64_t size;  // struct stat: st_size at 48
    std::memcpy(&size, data_.data() + 1024 + 48, sizeof(size));
    EXPECT_EQ(size, 5);
    EXPECT_EQ(real_.execute(entry(ForwardedCall::kClose, {file}), data_), 0);
    EXPECT_EQ(real_.execute(entry(ForwardedCall::kClose, {file}), data_), -EBADF);
    ::unlink(name);
}

// Descriptors in messages: they arrive, surplus ones are closed, the proxy's own are not to be had.
TEST_F(ExecutorTest, MessagesWithDescriptors) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const auto from = static_cast<std::uint64_t>(ends[0]), to = static_cast<std::uint64_t>(ends[1]);
    const auto transfer = [&](const Executor& executor, ForwardedCall call, std::uint64_t fd,
                              abi::SocketMessage& beside) {
        std::memcpy(data_.data() + 1024, &beside, sizeof(beside));
        Executor copy = executor;
        const auto result = copy.execute(entry(call, {fd, 100, 5, MSG_NOSIGNAL, 1024}), data_);
        std::memcpy(&beside, data_.data() + 1024, sizeof(beside));
        return result;
    };
    const auto send = [&](std::vector<int> files) {
        abi::SocketMessage beside{};
        beside.count = static_cast<std::int32_t>(files.size());
        std::copy(files.begin(), files.end(), beside.files);
        return transfer(real_, ForwardedCall::kSendMessage, from, beside);
    };
    put(100, "hello");
    EXPECT_EQ(send({0, 1}), 5);
    abi::SocketMessage got{};
    got.count = 2;
    put(100, "     ");
    ASSERT_EQ(transfer(real_, ForwardedCall::kReceiveMessage, to, got), 5);
    EXPECT_EQ(std::memcmp(data_.data() + 100, "hello", 5), 0);
    ASSERT_EQ(got.count, 2);
    EXPECT_EQ(::fcntl(got.files[1], F_GETFD), FD_CLOEXEC);
    for (int i = 0; i < 2; i++) EXPECT_EQ(::close(got.files[i]), 0);

    EXPECT_EQ(send({0, 1, 2}), 5);
    got = {};
    got.count = 1;
    ASSERT_EQ(transfer(real_, ForwardedCall::kReceiveMessage, to, got), 5);
    EXPECT_EQ(got.count, 1);
    EXPECT_TRUE(got.flags & MSG_CTRUNC);
    const int next = ::dup(0);
    EXPECT_EQ(next, got.files[0] + 1) << "a descriptor beyond those asked for stayed open";
    ::close(next);
    ::close(got.files[0]);

    EXPECT_EQ(send({0, 900}), -EBADF);
    for (const std::int32_t count : {-1, abi::kMostSentFiles + 1}) {
        abi::SocketMessage bad{};
        bad.count = count;
        EXPECT_EQ(transfer(recording_, ForwardedCall::kSendMessage, from, bad), -EINVAL);
        bad.count = count;
        EXPECT_EQ(transfer(recording_, ForwardedCall::kReceiveMessage, to, bad), -EINVAL);
    }
    abi::SocketMessage bad{};
    bad.address_size = sizeof(bad.address) + 1;
    EXPECT_EQ(transfer(recording_, ForwardedCall::kSendMessage, from, bad), -EINVAL);
    EXPECT_EQ(real_.execute(entry(ForwardedCall::kSendMessage, {from, 100, 5, 0, abi::kNoBuffer}), data_),
              -EFAULT);
    EXPECT_EQ(recorded.count, 0);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_F(ExecutorTest, UnknownCalls) {
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kCount_, {}), data_), -ENOSYS);
    EXPECT_EQ(recording_.execute(entry(static_cast<ForwardedCall>(0xffffffff), {}), data_), -ENOSYS);
}

TEST_F(ExecutorTest, BuffersOutsideTheDataAreRefused) {
    const std::uint64_t end = abi::kIoDataSize;
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kRead, {0, end, 1}), data_), -EFAULT);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kRead, {0, 1, end}), data_), -EFAULT);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kRead, {0, 0, end}), data_), 0);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kWrite, {1, 16, ~0ull}), data_), -EFAULT);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kFstat, {0, end - 143}), data_), -EFAULT);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kPoll, {0, 1ull << 61, abi::kNoBuffer}), data_),
              -EFAULT);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kOpenat, {0, end}), data_), -EFAULT);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kOpenat, {0, ~0ull - 1}), data_), -EFAULT);
}

TEST_F(ExecutorTest, PathsMustEnd) {
    std::memset(data_.data(), 'x', data_.size());
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kTruncate, {0}), data_), -ENAMETOOLONG);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kTruncate, {data_.size() - 3}), data_), -ENAMETOOLONG);
}

TEST_F(ExecutorTest, ItsOwnDescriptorsAreOutOfReach) {
    const int before = recorded.count;
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kClose, {900}), data_), -EBADF);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kWrite, {0xffffffff'00000000 + 900, 0, 1}), data_),
              -EBADF);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kRenameat, {900, 0, 900, 0, 0}), data_), -EBADF);
    EXPECT_EQ(recorded.count, before);
    const pollfd wanted{900, POLLIN, 0};
    std::memcpy(data_.data(), &wanted, sizeof(wanted));
    Executor real{{900}};
    EXPECT_EQ(real.execute(entry(ForwardedCall::kPoll, {0, 1, abi::kNoBuffer}), data_), 1);
    pollfd answer;
    std::memcpy(&answer, data_.data(), sizeof(answer));
    EXPECT_EQ(answer.revents, POLLNVAL);
}

TEST_F(ExecutorTest, ConstantsAreTheTables) {
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kGetFlags, {3, 77}), data_), 0);
    EXPECT_EQ(recorded.number, 72);
    EXPECT_EQ(recorded.arguments[1], 3u);
}

// The kernel writes up to the length it reads; it must not read the enclave's.
TEST_F(ExecutorTest, SocketLengthsAreCut) {
    const std::uint32_t huge = 0x7fffffff;
    std::memcpy(data_.data() + 512, &huge, sizeof(huge));
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kGetsockopt, {5, 1, 2, 1024, 512}), data_), 0);
    std::uint32_t length;
    std::memcpy(&length, data_.data() + 512, sizeof(length));
    EXPECT_EQ(length, 256u);
    EXPECT_EQ(recording_.execute(entry(ForwardedCall::kGetsockname, {5, abi::kNoBuffer, 512}), data_), 0);
    std::memcpy(&length, data_.data() + 512, sizeof(length));
    EXPECT_EQ(length, 0u);
}

TEST_F(ExecutorTest, RandomEntriesStayInside) {
    std::mt19937_64 random{1};
    for (int i = 0; i < 200'000; i++) {
        abi::SubmissionEntry any{};
        any.call = static_cast<std::uint32_t>(random() % (abi::kForwardedCallCount + 2));
        for (std::uint64_t& argument : any.arguments) {
            argument = random() >> (random() % 64);
            if (random() % 8 == 0) argument = abi::kNoBuffer;
        }
        recording_.execute(any, data_);
    }
}

}  // namespace
}  // namespace enclavisor::host
