// Calls of functions under a hostile host, and from many threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <random>
#include <thread>

#include "host/lib/function.hpp"
#include "host/lib/shared_word.hpp"
#include "tests/programs/functions/steady.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"

namespace enclavisor::tests {
namespace {

using host::Instance;
using namespace std::chrono_literals;

class FunctionCalls : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        machine_ = launch(machine_options(GetParam()));
        ASSERT_NE(machine_, nullptr);
    }
    host::Result<host::FunctionTemplate> load(std::uint32_t instances, std::uint32_t spin,
                                              std::chrono::milliseconds patience) {
        host::FunctionOptions options;
        options.instances = instances;
        options.calls.enclave_spin = spin;
        options.calls.host_spin = spin > 0 ? 1s : 50us;
        options.calls.patience = patience;
        options.calls.functions.on(kDouble, [](std::uint64_t value) { return 2 * value; });
        return host::FunctionTemplate::load(*machine_, programs_dir() / "steady", options);
    }
    // The window of the only function in the link, which is the first in its pool.
    std::byte* window() { return machine_->link().bytes().data() + abi::kIoPoolOffset; }
    std::unique_ptr<host::Machine> machine_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(FunctionCalls);

// All words of the attacked slots change at random while calls run. The instances behind
// them may find out and end; those beside them do not notice.
TEST_P(FunctionCalls, ACorruptedSlotIsItsOwnInstancesAffair) {
    constexpr std::size_t kAttacked = 4, kBeside = 4;
    auto loaded = load(kAttacked + kBeside, 50, 20ms);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    auto function = loaded.take();
    const auto count = function.entry("count").value();
    const auto echo = function.entry("echo").value(), ask = function.entry("ask").value(),
               ask_twice = function.entry("ask_twice").value();
    auto forked = function.fork(kAttacked + kBeside);
    ASSERT_TRUE(forked.ok()) << forked.error().text();
    auto instances = forked.take();

    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> writes{0};
    std::thread scribbler{[&] {
        std::mt19937_64 random{9};
        while (!stop) {
            // Slots in the order of forking, from 1. Mostly where something listens.
            std::byte* slot = window() + (1 + random() % kAttacked) * abi::kPageSize;
            constexpr std::size_t kRings = offsetof(abi::CallSlot, in);
            const std::size_t offsets[] = {kRings + random() % (2 * sizeof(abi::CallRing)),
                                           kRings + random() % (2 * sizeof(abi::CallRing)), random() % kRings,
                                           random() % abi::kPageSize};
            const auto any = static_cast<std::uint32_t>(random());
            const std::uint32_t values[] = {any, any % 10, any % 10, any % 2000, ~0u - any % 20};
            host::store(*reinterpret_cast<std::uint32_t*>(slot + (offsets[random() % 4] & ~3ull)),
                        values[random() % 5]);
            writes++;
            std::this_thread::sleep_for(50us);
        }
    }};
    std::mt19937_64 random{10};
    std::uint64_t answered = 0, refused = 0, ended = 0, rounds = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{soak_seconds(15)};
    while (std::chrono::steady_clock::now() < end && !HasFailure()) {
        rounds++;
        for (std::size_t i = 0; i < kAttacked; i++) {
            const std::string text(random() % 100, 'x');
            const auto what = random() % 4;
            const bool ok =
                what == 0   ? instances[i].call<std::uint64_t>(count).ok()
                : what == 1 ? instances[i].call_bytes(echo, 100, std::string_view{text}).ok()
                            : instances[i].call<std::uint64_t>(what == 2 ? ask : ask_twice, random()).ok();
            (ok ? answered : refused)++;
            const auto status = instances[i].status();
            if (status && status->state == static_cast<std::uint32_t>(abi::EnclaveState::kStopped)) {
                ended++;
                EXPECT_EQ(status->reason, static_cast<std::uint32_t>(abi::EndReason::kHostProtocol))
                    << describe(*status);
            } else if (ok) {
                continue;
            }
            // It has ended, or may wait for ever, as one of the two has lost count.
            ASSERT_TRUE(instances[i].destroy().ok());
            auto again = function.fork();
            ASSERT_TRUE(again.ok()) << again.error().text();
            std::destroy_at(&instances[i]);
            std::construct_at(&instances[i], again.take());
        }
        for (std::size_t i = kAttacked; i < instances.size(); i++) {
            const auto counted = instances[i].call<std::uint64_t>(count);
            // The machine is shared; a neighbour may be late, but not wrong.
            if (!counted.ok()) {
                ASSERT_EQ(counted.error().exit_code, host::kExitTimeout) << counted.error().text();
                continue;
            }
            ASSERT_LE(counted.value(), rounds);
        }
        ASSERT_EQ(machine_->guest_state(), abi::GuestState::kReady) << machine_->log();
    }
    stop = true;
    scribbler.join();
    std::cout << writes << " writes; " << answered << " calls answered, " << refused << " not, " << ended
              << " instances ended; " << rounds << " rounds of their neighbours\n";
    EXPECT_GT(ended, 10u);
    EXPECT_GT(rounds, 10u);
    EXPECT_TRUE(Instance::destroy_all(instances).ok());
    EXPECT_TRUE(healthy(*machine_));
}

// Commands of several threads, in batches and one by one.
TEST_P(FunctionCalls, ManyThreadsCommandAtOnce) {
    auto loaded = load(400, 0, 60s);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    auto function = loaded.take();
    const auto count = function.entry("count").value();
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&] {
            for (int round = 0; round < 5; round++) {
                auto forked = function.fork(100);
                if (!forked.ok()) {
                    wrong++;
                    continue;
                }
                for (std::uint64_t i = 1; i <= 2; i++) {
                    for (auto& instance : forked.value()) {
                        const auto counted = instance.call<std::uint64_t>(count);
                        if (!counted.ok() || counted.value() != i) wrong++;
                    }
                }
                if (!Instance::destroy_all(forked.value()).ok()) wrong++;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_TRUE(healthy(*machine_));
}

}  // namespace
}  // namespace enclavisor::tests
