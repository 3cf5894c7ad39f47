// A hypervisor that injects into any of several vCPUs, wherever they are, while a Linux
// program and an enclave without a runtime work. A handler of the program runs for what
// did happen, with all that it is told of it, and never for what did not.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/injected.hpp"

namespace enclavisor::tests {
namespace {

constexpr unsigned kStackFault = 12, kProtection = 13;

class InjectionIntoPrograms : public testing::TestWithParam<host::Platform> {
protected:
    enum class Where { kUser, kHalted, kKernel };

    Where where(Gdb& gdb) {
        const Gdb::Registers r = gdb.registers();
        if (r.cs & 3) return Where::kUser;
        return r.rip == elf_.symbol("halted") ? Where::kHalted : Where::kKernel;
    }

    // What stays believable (docs/threat-model.md) of those that the program has: a refusal of
    // a jump, a return, an operand of a segment, and, not looked into here, of vectors.
    bool is_believable(Gdb& gdb, unsigned vector) {
        if (vector != kStackFault && vector != kProtection) return false;
        const auto code = gdb.read(gdb.registers().rip, 2);
        constexpr std::uint8_t kOpen[] = {0x0f, 0x64, 0x65, 0x66, 0xc2, 0xc3, 0xc4,
                                          0xc5, 0xc9, 0xcd, 0xf2, 0xf3, 0xf4, 0xff};
        const std::uint8_t opcode = (code[0] & 0xf0) == 0x40 ? code[1] : code[0];
        return std::find(std::begin(kOpen), std::end(kOpen), opcode) != std::end(kOpen);
    }

    // An event that changes nothing in ring 3, where the selected vCPU may be. False: there is none.
    bool inject_noise(Gdb& gdb, Injector& injector, unsigned vector) {
        if (where(gdb) != Where::kUser || vector == kDoubleFault || vector == kMachineCheck ||
            is_believable(gdb, vector))
            return false;
        injector.inject(vector, random_() % 2, random_() % 3 ? random_() % 64 : random_());
        return true;
    }

    void work_under_noise(unsigned cpus) {
        InjectedMachine ground{GetParam(), {}, cpus};
        InjectedProgram program{ground};
        InjectedEnclave other{ground, true};
        unsigned injected = 0;
        {
            Gdb gdb{ground.socket()};
            Injector injector{gdb};
            Stops stops{gdb, cpus};
            const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{soak_seconds(0)};
            for (unsigned event = 0; event < 320 || std::chrono::steady_clock::now() < end; event++) {
                ASSERT_TRUE(stops.in_user(random_)) << ground.machine().log();
                // Exceptions twice.
                const unsigned vector = event % 320 < 256 ? event % 320 : event % 32;
                injected += inject_noise(gdb, injector, vector);
                ASSERT_EQ(ground.machine().guest_state(), abi::GuestState::kReady)
                    << "vector " << vector << "\n"
                    << ground.machine().log();
                ASSERT_EQ(program.output().find("invented"), std::string::npos)
                    << program.output() << "vector " << vector;
            }
        }
        EXPECT_TRUE(program.await_rounds(2)) << program.output();
        EXPECT_TRUE(other.await_rounds(2));
        EXPECT_TRUE(healthy(ground.machine()));
        program.expect_right_answer();
        other.expect_right_answer();
        EXPECT_GT(injected, 200u);
        RecordProperty("events", static_cast<int>(injected));
        const auto stats = ground.machine().stats();
        ASSERT_TRUE(stats.ok());
        EXPECT_GE(stats.value().ignored_interrupts, injected * 8 / 10);
    }

    const NativeImage elf_{
        (build_dir() / "kernel" / ("enclavisor-" + std::string{host::platform_name(GetParam())} + ".elf"))
            .string()};
    std::mt19937_64 random_{1};
};
ENCLAVISOR_ON_ALL_PLATFORMS(InjectionIntoPrograms);

TEST_P(InjectionIntoPrograms, OfNoiseChangesNothing) {
    work_under_noise(1);
}

TEST_P(InjectionIntoPrograms, OfNoiseIntoSeveralCpusChangesNothing) {
    work_under_noise(2);
}

// Anything, anywhere, in ring 0 too: the machine ends, or nothing happened.
TEST_P(InjectionIntoPrograms, OfAnythingIntoSeveralCpusEndsTheMachineOrChangesNothing) {
    constexpr unsigned kCpus = 2;
    int ended = 0;
    for (int trial = 0; trial < 3; trial++) {
        InjectedMachine ground{GetParam(), {}, kCpus};
        InjectedProgram program{ground};
        InjectedEnclave other{ground, true};
        bool in_kernel = false;
        std::string last;
        {
            Gdb gdb{ground.socket()};
            Injector injector{gdb};
            Stops stops{gdb, kCpus};
            for (int event = 0; event < 100 && !in_kernel; event++) {
                event % 4 == 3 ? stops.anywhere(random_) : static_cast<void>(stops.in_user(random_));
                const unsigned vector = static_cast<unsigned>(random_() % (event % 2 ? 32 : 256));
                in_kernel = where(gdb) == Where::kKernel && vector > 2;
                last = "vector " + std::to_string(vector) + " at " + std::to_string(gdb.registers().rip);
                if (in_kernel) {
                    injector.inject(vector, random_() % 2, random_());
                } else {
                    inject_noise(gdb, injector, vector);
                }
            }
        }
        SCOPED_TRACE(last);
        ended += in_kernel;
        if (in_kernel) {
            EXPECT_TRUE(ground.ended_with_a_reason()) << ground.machine().log();
            EXPECT_EQ(program.output().find("invented"), std::string::npos) << program.output();
            EXPECT_EQ(program.output().find("wrong"), std::string::npos) << program.output();
            continue;
        }
        EXPECT_TRUE(healthy(ground.machine()));
        program.expect_right_answer();
        other.expect_right_answer();
    }
    EXPECT_GT(ended, 0);
}

}  // namespace
}  // namespace enclavisor::tests
