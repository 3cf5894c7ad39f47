// The forwarder against a host that answers, lies, and changes its words.
#include "runtime/host/forward.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>

namespace enclavisor::runtime {
namespace {

using C = abi::ForwardedCall;

struct Broken {
    int rule;
};

// Answers when it is rung, on the same thread: the host "sleeps" all the time.
class FakeHost final : public IoWaiter {
public:
    FakeHost() { header().host_waits = 1; }
    abi::IoHeader& header() { return *reinterpret_cast<abi::IoHeader*>(area_.get()); }
    std::byte* data() { return area_.get() + abi::kIoDataOffset; }
    std::byte* area() { return area_.get(); }

    void ring() override {
        const std::uint32_t index = header().submitted - 1;
        last = header().entries[index % abi::kIoDepth];
        abi::CompletionEntry& completion = header().completions[index % abi::kIoDepth];
        completion.id = last.id + id_error;
        completion.result = answer(last);
        header().completed = header().submitted + index_error;
    }
    void wait(std::uint32_t, std::uint64_t) override { FAIL() << "the answer was there"; }
    bool interrupted() override { return false; }
    [[noreturn]] void broken(int rule) override { throw Broken{rule}; }

    std::function<std::int64_t(const abi::SubmissionEntry&)> answer = [](const auto&) { return 0; };
    std::uint32_t id_error = 0, index_error = 0;
    abi::SubmissionEntry last{};

private:
    struct Deleter {
        void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{4096}); }
    };
    std::unique_ptr<std::byte[], Deleter> area_{new (std::align_val_t{4096})
                                                    std::byte[abi::kIoAreaPages * abi::kPageSize]()};
};

class ForwardTest : public testing::Test {
protected:
    template <typename... Values>
    std::int64_t forward(C call, Values... values) {
        return forwarder_(call, Arguments{(std::uint64_t)values...});
    }
    FakeHost host_;
    IoCounts counts_{};
    IoChannel channel_{host_.area(), 0, host_, counts_};
    Forwarder forwarder_{channel_};
};

TEST_F(ForwardTest, CarriesBytesBothWays) {
    std::string sent;
    host_.answer = [&](const abi::SubmissionEntry& e) {
        sent.assign(reinterpret_cast<char*>(host_.data() + e.arguments[1]), e.arguments[2]);
        return 3;
    };
    EXPECT_EQ(forward(C::kWrite, 7, "hello", 5), 3);
    EXPECT_EQ(sent, "hello");
    EXPECT_EQ(host_.last.arguments[0], 7u);
    host_.answer = [&](const abi::SubmissionEntry& e) {
        std::memcpy(host_.data() + e.arguments[1], "abcdef", 6);
        return 4;
    };
    char buffer[8] = "-------";
    EXPECT_EQ(forward(C::kRead, 7, buffer, 7), 4);
    EXPECT_STREQ(buffer, "abcd---");
}

TEST_F(ForwardTest, RefusesResultsThatTheTableDoesNotAllow) {
    char buffer[4096]{};
    for (const std::int64_t lie : {std::int64_t{8}, std::int64_t{1} << 40, INT64_MAX, INT64_MIN,
                                   std::int64_t{-134}, std::int64_t{-4096}, std::int64_t{-512}}) {
        host_.answer = [&](const auto&) { return lie; };
        EXPECT_EQ(forward(C::kRead, 0, buffer, 7), -EIO) << lie;
        EXPECT_EQ(forward(C::kWrite, 0, buffer, 7), -EIO) << lie;
        EXPECT_EQ(forward(C::kRecvfrom, 0, buffer, 7, 0, 0, 0), -EIO) << lie;
    }
    host_.answer = [](const auto&) { return 1; };
    EXPECT_EQ(forward(C::kFstat, 0, buffer), -EIO);
    host_.answer = [](const auto&) { return abi::kMaxHostFd + 1; };
    EXPECT_EQ(forward(C::kOpenat, 0, "p", 0, 0), -EIO);
    host_.answer = [](const auto&) { return -ENOENT; };
    EXPECT_EQ(forward(C::kOpenat, 0, "p", 0, 0), -ENOENT);
}

// Every row, many results: nothing outside the row's range gets through.
TEST_F(ForwardTest, EveryRowKeepsItsRange) {
    std::vector<char> buffer(1 << 16);
    for (const abi::CallSpec& spec : abi::kForwardedCalls) {
        for (int bit = 0; bit < 64; bit++) {
            for (const std::int64_t offset : {-1, 0, 1}) {
                const auto result =
                    static_cast<std::int64_t>((1ull << bit) + static_cast<std::uint64_t>(offset));
                Arguments arguments{};
                for (std::size_t i = 0; i < 6; i++) {
                    const auto kind = spec.arguments[i].kind;
                    const bool number = kind == abi::ArgumentKind::kValue || kind == abi::ArgumentKind::kFd;
                    arguments[i] = number ? 16 : reinterpret_cast<std::uint64_t>(buffer.data());
                }
                host_.answer = [&](const auto&) { return result; };
                const std::int64_t got = forwarder_(spec.call, arguments);
                EXPECT_EQ(got, result_allowed(spec, arguments, result) ? result : -EIO) << spec.name;
                if (spec.result == abi::ResultKind::kZero) {
                    EXPECT_LE(got, 0) << spec.name;
                }
            }
        }
    }
}

TEST_F(ForwardTest, BrokenProtocolEndsTheEnclave) {
    host_.id_error = 1;
    EXPECT_THROW(forward(C::kSync), Broken);
    for (const std::uint32_t error : {1u, 5u, 0x80000000u, ~1u}) {
        FakeHost host;
        IoChannel channel{host.area(), 0, host, counts_};
        Forwarder forwarder{channel};
        host.index_error = error;
        EXPECT_THROW(forwarder(C::kSync, {}), Broken) << error;
    }
}

TEST_F(ForwardTest, BadAddressesAndSizes) {
    EXPECT_EQ(forward(C::kWrite, 1, 8, 5), -EFAULT);
    host_.answer = [](const auto&) { return 5; };
    EXPECT_EQ(forward(C::kRead, 1, 8, 5), -EFAULT);
    char byte;
    EXPECT_EQ(forward(C::kWrite, 1, &byte, abi::kIoDataSize + 1), -EINVAL);
    EXPECT_EQ(forward(C::kPoll, &byte, 1ull << 61, 0), -EINVAL);
    const std::string long_path(5000, 'p');
    EXPECT_EQ(forward(C::kStatfs, long_path.c_str(), 0), -ENAMETOOLONG);
    host_.answer = [](const abi::SubmissionEntry& e) {
        return e.arguments[2] == abi::kNoBuffer ? 0 : -EINVAL;
    };
    EXPECT_EQ(forward(C::kUtimensat, 3, "f", 0, 0), 0);
}

TEST_F(ForwardTest, BuffersNeverOverlap) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
    char bytes[128]{};
    std::uint32_t size = 128;
    host_.answer = [&](const abi::SubmissionEntry& e) {
        EXPECT_GE(e.arguments[4], e.arguments[1] + 100);
        EXPECT_GE(e.arguments[5], e.arguments[4] + 128);
        EXPECT_LE(e.arguments[5] + 4, abi::kIoDataSize);
        return 0;
    };
    char buffer[100];
    EXPECT_EQ(forward(C::kRecvfrom, 0, buffer, 100, 0, bytes, &size), 0);
}

}  // namespace
}  // namespace enclavisor::runtime
