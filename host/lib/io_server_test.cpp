#include "host/lib/io_server.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "host/lib/fd.hpp"
#include "host/lib/mapping.hpp"
#include "host/lib/shared_word.hpp"

namespace enclavisor::host {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAreas = 4;

class IoServerTest : public testing::Test {
protected:
    void SetUp() override {
        const Fd fd{::memfd_create("io-server-test", MFD_CLOEXEC)};
        const std::size_t size = abi::io_window_pages(kAreas) * abi::kPageSize;
        ASSERT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
        auto mapping = Mapping::create(fd.get(), 0, size);
        ASSERT_TRUE(mapping);
        window_ = mapping.take();
    }
    abi::IoHeader& header(std::size_t area) {
        return *reinterpret_cast<abi::IoHeader*>(window_.bytes().data() + abi::io_area_offset(area));
    }
    void ask(std::size_t area) {
        __atomic_fetch_or(&header(0).attention, 1ull << area, __ATOMIC_SEQ_CST);
        attend(window_.bytes());  // what the launcher does when the doorbell rings
    }
    void submit(std::size_t area, std::uint64_t argument) {
        abi::IoHeader& h = header(area);
        h.entries[h.submitted % abi::kIoDepth] = {0, h.submitted, {argument}, 0};
        store(h.submitted, h.submitted + 1);
        full_fence();
        if (h.submitted == 1 || load(h.host_waits) == 1) ask(area);
    }
    bool completes(std::size_t area) {
        for (int i = 0; i < 5000 && load(header(area).completed) != header(area).submitted; i++) {
            std::this_thread::sleep_for(1ms);
        }
        return load(header(area).completed) == header(area).submitted;
    }
    std::int64_t result(std::size_t area) {
        return header(area).completions[(header(area).completed - 1) % abi::kIoDepth].result;
    }

    Mapping window_;
    Fd doorbell_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

TEST_F(IoServerTest, EveryAreaIsServedFromItsFirstUse) {
    IoServerThread server{window_.bytes(), doorbell_.get(),
                          [](const abi::SubmissionEntry& entry, std::span<std::byte> data) {
                              return static_cast<std::int64_t>(entry.arguments[0] + data.size());
                          }};
    for (std::uint64_t round = 0; round < 40; round++) {
        for (const std::size_t area : {std::size_t{3}, std::size_t{0}, std::size_t{1}}) {
            submit(area, round);
            ASSERT_TRUE(completes(area)) << area;
            EXPECT_EQ(result(area), static_cast<std::int64_t>(round + abi::io_data_size(area)));
        }
        if (round % 10 == 0) std::this_thread::sleep_for(5ms);
    }
    EXPECT_EQ(header(2).host_waits, 0u);
}

TEST_F(IoServerTest, BlockedCallsDoNotHinderOthersAndCanBeCutShort) {
    const auto block = [](const abi::SubmissionEntry& entry, std::span<std::byte>) -> std::int64_t {
        const timespec time{static_cast<time_t>(entry.arguments[0]), 0};
        return ::nanosleep(&time, nullptr) == 0 ? 0 : -errno;
    };
    IoServerThread server{window_.bytes(), doorbell_.get(), block};
    submit(0, 1000);
    submit(1, 1000);
    submit(2, 0);
    EXPECT_TRUE(completes(2));
    for (const std::size_t area : {std::size_t{0}, std::size_t{1}}) {
        EXPECT_EQ(header(area).completed, 0u);
        store(header(area).cancel, header(area).submitted);
        ask(area);
        EXPECT_TRUE(completes(area));
        EXPECT_EQ(result(area), -EINTR);
    }
    // Asked for before the call began.
    store(header(1).cancel, header(1).submitted + 1);
    submit(1, 1000);
    ask(1);
    EXPECT_TRUE(completes(1));
    EXPECT_EQ(result(1), -EINTR);
    submit(1, 0);
    EXPECT_TRUE(completes(1));
    EXPECT_EQ(result(1), 0);
    submit(3, 1000);  // does not keep the server from ending
}

TEST_F(IoServerTest, OneBrokenAreaEndsTheServer) {
    IoServer server{window_.bytes(), doorbell_.get(),
                    [](const abi::SubmissionEntry&, std::span<std::byte>) { return std::int64_t{0}; }};
    std::thread enclave{[&] {
        store(header(2).submitted, abi::kIoDepth + 1);
        while (load(header(0).supervisor_waits) == 0) std::this_thread::sleep_for(1ms);
        ask(2);
    }};
    EXPECT_FALSE(server.run());
    enclave.join();
}

}  // namespace
}  // namespace enclavisor::host
