// A hypervisor that injects events as EVENTINJ does: any vector, with an error code or
// without, at any instruction of ring 3 and ring 0. A program computes on, or something
// ends with a reason; its handler never runs for what did not happen.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/support/injected.hpp"

namespace enclavisor::tests {
namespace {

constexpr unsigned kDebug = 1, kNmi = 2;

class Injection : public testing::TestWithParam<host::Platform> {
protected:
    NativeImage kernel() const {
        const std::string name = "enclavisor-" + std::string{host::platform_name(GetParam())} + ".elf";
        return NativeImage{(build_dir() / "kernel" / name).string()};
    }
    // An event with a vector of every kind: exceptions more often than not.
    unsigned any_vector() {
        for (;;) {
            const unsigned vector = random_() % (random_() % 4 ? 32 : 256);
            if (vector != kDebug && vector != kNmi) return vector;
        }
    }

    // All vectors but those that end the enclave, both ways, and on for a while.
    void inject_into_victim(bool calls) {
        InjectedMachine ground{GetParam()};
        InjectedEnclave victim{ground, calls};
        std::uint64_t injected = 0;
        {
            Gdb gdb{ground.socket()};
            Injector injector{gdb};
            const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{soak_seconds(15)};
            for (unsigned event = 0; event < 512 || std::chrono::steady_clock::now() < end; event++) {
                const unsigned vector = event % 256;
                if (vector == kDoubleFault || vector == kMachineCheck) continue;
                ASSERT_TRUE(victim.stop_inside(gdb, random_))
                    << "after " << injected << " events, at " << std::hex << gdb.registers().rip << "\n"
                    << ground.machine().log();
                injector.inject(vector, event / 256 % 2, random_() % 3 ? random_() % 64 : random_());
                injected++;
            }
        }
        EXPECT_TRUE(victim.await_rounds(2));
        EXPECT_TRUE(healthy(ground.machine()));
        victim.expect_right_answer();
        expect_ignored(ground, injected);
    }
    // The timer's, the doorbell's, the wake vector and the NMI are not among these.
    void expect_ignored(InjectedMachine& ground, std::uint64_t injected) {
        const auto stats = ground.machine().stats();
        ASSERT_TRUE(stats.ok());
        EXPECT_GE(stats.value().ignored_interrupts, injected * 9 / 10);
        RecordProperty("events", static_cast<int>(injected));
    }

    std::mt19937_64 random_{1};
};
ENCLAVISOR_ON_ALL_PLATFORMS(Injection);

TEST_P(Injection, OfEveryVectorDoesNotTouchAComputation) {
    inject_into_victim(false);
}

TEST_P(Injection, OfEveryVectorDoesNotTouchKernelCalls) {
    inject_into_victim(true);
}

TEST_P(Injection, OfBrokenHardwareEndsTheEnclave) {
    for (const unsigned vector : {kDoubleFault, kMachineCheck}) {
        InjectedMachine ground{GetParam()};
        InjectedEnclave victim{ground, false};
        inject_inside(ground, victim, vector, true);
        const auto status = victim.status(std::chrono::seconds{20});
        ASSERT_TRUE(status);
        EXPECT_EQ(status->reason, static_cast<std::uint32_t>(abi::EndReason::kFault)) << describe(*status);
        EXPECT_EQ(status->code, vector);
        EXPECT_TRUE(healthy(ground.machine()));
    }
}

// Where ring 0 is entered and left, and inside, with the lock held; up to so many
// instructions on.
struct Place {
    const char* symbol;
    unsigned steps;
};
constexpr Place kPlaces[] = {
    {"syscall_entry", 30}, {"syscall_entry", 2},     {"trap_common", 30},         {"on_kernel_call", 400},
    {"on_trap", 200},      {"return_by_sysret", 18}, {"return_by_interrupt", 18},
};

TEST_P(Injection, IntoRingZeroEndsTheMachine) {
    const NativeImage elf = kernel();
    std::set<unsigned> vectors;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{soak_seconds(0)};
    for (unsigned i = 0; i < 3 * std::size(kPlaces) || std::chrono::steady_clock::now() < end; i++) {
        const Place& place = kPlaces[i % std::size(kPlaces)];
        const unsigned vector = any_vector();
        SCOPED_TRACE(std::string{place.symbol} + ", vector " + std::to_string(vector));
        InjectedMachine ground{GetParam()};
        InjectedEnclave victim{ground, true};
        {
            Gdb gdb{ground.socket()};
            Injector injector{gdb};
            ASSERT_TRUE(gdb.run_to(elf.symbol(place.symbol)));
            for (std::uint64_t steps = random_() % place.steps; steps > 0; steps--) gdb.step();
            if (gdb.registers().cs & 3) continue;  // it has left
            injector.inject(vector, random_() % 2, random_());
            gdb.run();
        }
        EXPECT_TRUE(ground.ended_with_a_reason()) << ground.machine().log();
        const std::uint64_t rounds = victim.rounds();
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        EXPECT_EQ(victim.rounds(), rounds);
        EXPECT_FALSE(victim.status(std::chrono::milliseconds{0}));
        vectors.insert(vector);
    }
    EXPECT_GT(vectors.size(), 8u);
}

TEST_P(Injection, OfDebugExceptionsAndNmisDoNothingInRingZero) {
    const NativeImage elf = kernel();
    InjectedMachine ground{GetParam()};
    InjectedEnclave victim{ground, true};
    {
        Gdb gdb{ground.socket()};
        Injector injector{gdb};
        for (int i = 0; i < 200; i++) {
            const Place& place = kPlaces[static_cast<unsigned>(i) % std::size(kPlaces)];
            ASSERT_TRUE(gdb.run_to(elf.symbol(place.symbol))) << place.symbol << " " << i;
            for (std::uint64_t steps = random_() % place.steps % 30; steps > 0; steps--) gdb.step();
            injector.inject(random_() % 2 ? kDebug : kNmi, random_() % 2, random_());
        }
    }
    EXPECT_TRUE(victim.await_rounds(2)) << ground.machine().log();
    EXPECT_TRUE(healthy(ground.machine()));
    victim.expect_right_answer();
}

// Into its own handler, whose stack it overwrites.
TEST_P(Injection, OfAnNmiIntoAnotherEndsTheMachine) {
    const NativeImage elf = kernel();
    InjectedMachine ground{GetParam()};
    InjectedEnclave victim{ground, true};
    {
        Gdb gdb{ground.socket()};
        Injector injector{gdb};
        ASSERT_TRUE(gdb.run_to(elf.symbol("syscall_entry")));
        injector.inject(kNmi, false);
        for (std::uint64_t steps = random_() % 4; steps > 0; steps--) gdb.step();
        injector.inject(kNmi, random_() % 2);
        gdb.run();
    }
    EXPECT_TRUE(ground.panics()) << ground.machine().log();
}

TEST_P(Injection, BehindSyscallIsNotPushedWhereRingThreeWants) {
    InjectedMachine ground{GetParam()};
    InjectedEnclave victim{ground, true};
    EXPECT_FALSE(pushes_where_ring_three_wants(ground, kernel()));
    EXPECT_TRUE(ground.panics());
}

// In the halt of an idle vCPU interrupts are noise, and exceptions cannot be.
TEST_P(Injection, IntoAnIdleHaltIsNoiseOrTheEnd) {
    const NativeImage elf = kernel();
    InjectedMachine ground{GetParam()};
    {
        Gdb gdb{ground.socket()};
        Injector injector{gdb};
        for (const unsigned vector : {0x80u, 0x40u, 0xffu, 0x20u, 6u}) {
            ASSERT_TRUE(gdb.run_to(elf.symbol("halting"))) << vector;
            EXPECT_EQ(ground.machine().guest_state(), abi::GuestState::kReady);
            injector.inject(vector, vector == 0x80);
        }
    }
    EXPECT_TRUE(ground.panics()) << ground.machine().log();
    EXPECT_TRUE(ground.says("vector 0x0000000000000006")) << ground.machine().log();
}

}  // namespace
}  // namespace enclavisor::tests
