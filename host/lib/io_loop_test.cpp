#include "host/lib/io_loop.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "host/lib/fd.hpp"
#include "host/lib/shared_word.hpp"

namespace enclavisor::host {
namespace {

// The loop on a thread of its own.
class IoThread {
public:
    IoThread(abi::IoHeader& header, std::span<std::byte> data, int guest_doorbell, IoLoop::Handler handler)
        : loop_{header, data, guest_doorbell, std::move(handler)}, thread_{[this] { loop_.run(); }} {}
    ~IoThread() {
        loop_.stop();
        thread_.join();
    }
    IoThread(const IoThread&) = delete;

private:
    IoLoop loop_;
    std::thread thread_;
};

using namespace std::chrono_literals;

class IoLoopTest : public testing::Test {
protected:
    bool wait_until(std::uint32_t& word, std::uint32_t value) {
        for (int i = 0; i < 5000; i++) {
            if (load(word) == value) return true;
            std::this_thread::sleep_for(1ms);
        }
        return false;
    }

    std::unique_ptr<abi::IoHeader> header_ = std::make_unique<abi::IoHeader>();
    std::vector<std::byte> data_{4096};
    Fd doorbell_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

TEST_F(IoLoopTest, AnswersInOrderAndRings) {
    IoThread thread{*header_, data_, doorbell_.get(),
                    [](const abi::SubmissionEntry& entry, std::span<std::byte>) {
                        return static_cast<std::int64_t>(entry.arguments[0] * 2);
                    }};
    header_->enclave_waits = 1;
    for (std::uint32_t i = 0; i < 100; i++) {
        abi::SubmissionEntry& entry = header_->entries[i % abi::kIoDepth];
        entry.id = i + 7;
        entry.arguments[0] = i;
        store(header_->submitted, i + 1);
        if (load(header_->host_waits) != 0) {  // what the launcher's doorbell thread does
            store(header_->host_waits, 0);
            futex_wake_all(header_->host_waits);
        }
        ASSERT_TRUE(wait_until(header_->completed, i + 1));
        EXPECT_EQ(header_->completions[i % abi::kIoDepth].id, i + 7);
        EXPECT_EQ(header_->completions[i % abi::kIoDepth].result, 2 * i);
    }
    std::uint64_t rings = 0;
    std::this_thread::sleep_for(1ms);
    EXPECT_EQ(::read(doorbell_.get(), &rings, sizeof(rings)), 8);
}

TEST_F(IoLoopTest, SleepsAfterAWhileAndCanBeStopped) {
    IoThread thread{*header_, data_, doorbell_.get(),
                    [](const abi::SubmissionEntry&, std::span<std::byte>) { return std::int64_t{0}; }};
    EXPECT_TRUE(wait_until(header_->host_waits, 1));
}

TEST_F(IoLoopTest, MoreThanTheRingHoldsBreaksTheProtocol) {
    IoLoop loop{*header_, data_, doorbell_.get(),
                [](const abi::SubmissionEntry&, std::span<std::byte>) { return std::int64_t{0}; }};
    header_->submitted = abi::kIoDepth + 1;
    EXPECT_FALSE(loop.run());
    EXPECT_EQ(header_->completed, 0u);
}

}  // namespace
}  // namespace enclavisor::host
