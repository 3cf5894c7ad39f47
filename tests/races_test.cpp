// Eight host threads fork, share, revoke, pause and kill at random over several
// vCPUs: no panic, no lost frame, and a revoked page is never read again.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/programs/probe/exchange.hpp"
#include "tests/support/probe.hpp"

namespace enclavisor::tests {
namespace {

constexpr std::uint64_t kHostThreads = 8;

struct Totals {
    std::atomic<std::uint64_t> forks{0}, revocations{0}, mappings{0}, stale{0}, calls{0}, pauses{0}, wrong{0};
};

// A pair of instances of the exchange template, that live for a while.
class Pair {
public:
    Pair(host::Machine& machine, FrozenEnclave& frozen, std::uint64_t number)
        : machine_{machine}, maker_{fork(frozen, 2 * number)}, reader_{fork(frozen, 2 * number + 1)} {
        maker_.slot->peer = reader_.handle;
        reader_.slot->peer = maker_.handle;
        begin(maker_, ExchangeRole::kMaker);
        begin(reader_, ExchangeRole::kReader);
    }

    // The host hands the object's number on, true or false.
    void relay(std::mt19937_64& random) {
        const std::uint64_t object = maker_.slot->object;
        reader_.slot->object = random() % 8 == 0 ? random() : object;
    }
    void pause_and_resume(std::mt19937_64& random, Totals& totals) {
        const std::uint64_t handle = random() % 2 ? maker_.handle : reader_.handle;
        if (machine_.control().call(abi::Command::kPause, {handle}).ok()) {
            totals.pauses++;
            relay(random);
            (void)machine_.control().call(abi::Command::kResume, {handle});
        }
    }
    void end(std::mt19937_64& random, Totals& totals) {
        const bool maker_first = random() % 2;
        if (random() % 4 == 0) {  // by themselves, perhaps
            maker_.slot->stop = 1;
            reader_.slot->stop = 1;
        }
        destroy(maker_first ? maker_ : reader_, totals);
        destroy(maker_first ? reader_ : maker_, totals);
        totals.revocations += maker_.slot->rounds;
        totals.mappings += reader_.slot->rounds;
        totals.stale += reader_.slot->stale;
    }

private:
    struct Member {
        std::uint64_t handle = 0;
        volatile ExchangeSlot* slot = nullptr;
    };
    static Member fork(FrozenEnclave& frozen, std::uint64_t number) {
        const std::uint64_t offset = kExchangeSlots + number * sizeof(ExchangeSlot);
        auto* slot = reinterpret_cast<ExchangeSlot*>(frozen.window() + offset);
        std::memset(slot, 0, sizeof(*slot));
        auto forked = frozen.fork(offset);
        if (!forked.ok()) throw std::runtime_error{forked.error().text()};
        return {forked.value()[0], slot};
    }
    void begin(const Member& member, ExchangeRole role) {
        host::full_fence();
        member.slot->role = static_cast<std::uint32_t>(role);
        (void)machine_.control().call(abi::Command::kNotify, {member.handle});
    }
    void destroy(const Member& member, Totals& totals) {
        (void)machine_.control().call(abi::Command::kStop, {member.handle});
        const auto status = machine_.status(member.handle).value_or(abi::EnclaveStatus{});
        const bool stopped = status.reason == static_cast<std::uint32_t>(abi::EndReason::kStopped);
        const bool ended =
            status.reason == static_cast<std::uint32_t>(abi::EndReason::kExited) && status.code == 42;
        // A maker may lose its peer at any moment; nothing else may go wrong.
        if (!stopped && !ended) {
            totals.wrong++;
            ADD_FAILURE() << describe(status);
        }
        if (!machine_.control().call(abi::Command::kDestroy, {member.handle}).ok()) totals.wrong++;
    }

    host::Machine& machine_;
    Member maker_, reader_;
};

void attack(host::Machine& machine, FrozenEnclave& exchange, Probe& probe, std::uint64_t thread,
            const std::atomic<bool>& stop, Totals& totals) {
    std::mt19937_64 random{thread};
    while (!stop.load()) {
        Pair pair{machine, exchange, thread};
        totals.forks += 2;
        for (std::uint64_t i = random() % 40; i > 0 && !stop.load(); i--) {
            switch (random() % 4) {
                case 0:
                    pair.pause_and_resume(random, totals);
                    break;
                case 1: {
                    auto forked = probe.fork(thread);
                    if (!forked.ok()) throw std::runtime_error{forked.error().text()};
                    const auto instance = forked.take();
                    totals.forks++;
                    if (random() % 4 != 0) {
                        const std::uint64_t value = random();
                        const bool right = probe.call(instance, ProbeOperation::kWrite, 5, value) &&
                                           probe.call(instance, ProbeOperation::kRead, 5) &&
                                           instance.slot->result == value;
                        totals.calls += 2;
                        if (!right) totals.wrong++;
                    }
                    if (!probe.destroy(instance).ok()) totals.wrong++;
                    break;
                }
                default:
                    pair.relay(random);
                    std::this_thread::sleep_for(std::chrono::microseconds{random() % 2000});
            }
        }
        pair.end(random, totals);
    }
}

class Races : public testing::TestWithParam<host::Platform> {};
ENCLAVISOR_ON_ALL_PLATFORMS(Races);

TEST_P(Races, ForkShareRevokePauseKill) {
    for (const unsigned cpus : {2u, 4u}) {
        SCOPED_TRACE(cpus);
        host::MachineOptions options = machine_options(GetParam());
        options.cpus = cpus;
        const auto machine = launch(options);
        ASSERT_NE(machine, nullptr);
        Totals totals;
        const auto before = machine->stats();
        {
            const NativeImage image{(programs_dir() / "exchange").string()};
            FrozenEnclave exchange{
                *machine, image, {.exception_entry = image.symbol("enclavisor_exception_entry")}};
            Probe probe{*machine, 64};
            std::atomic<bool> stop{false};
            std::vector<std::thread> threads;
            for (std::uint64_t i = 0; i < kHostThreads; i++) {
                threads.emplace_back([&, i] {
                    try {
                        attack(*machine, exchange, probe, i, stop, totals);
                    } catch (const std::exception& error) {
                        ADD_FAILURE() << error.what();
                    }
                });
            }
            std::this_thread::sleep_for(std::chrono::seconds{soak_seconds(8)});
            stop.store(true);
            for (auto& thread : threads) thread.join();
        }
        EXPECT_TRUE(healthy(*machine));
        EXPECT_EQ(machine->stats().value().free_frames, before.value().free_frames) << "frames were lost";
        EXPECT_EQ(machine->stats().value().live_enclaves, before.value().live_enclaves);
        EXPECT_EQ(totals.stale.load(), 0u) << "revoked pages were read";
        EXPECT_EQ(totals.wrong.load(), 0u);
        EXPECT_GT(totals.revocations.load(), 0u);
        EXPECT_GT(totals.mappings.load(), 0u);
        EXPECT_GT(totals.pauses.load(), 0u);
        RecordProperty("forks", std::to_string(totals.forks.load()));
        std::cout << cpus << " vCPUs: " << totals.forks << " forks, " << totals.calls << " calls, "
                  << totals.mappings << " mappings, " << totals.revocations << " revocations, "
                  << totals.pauses << " pauses\n";
    }
}

}  // namespace
}  // namespace enclavisor::tests
