// The attacks of isolation_test on a kernel without walls (UndefendedPlatform):
// they go through. What the other test proves is therefore the walls' doing.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/crowd.hpp"
#include "tests/support/injected.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"

namespace enclavisor::tests {
namespace {

constexpr std::uint64_t kEscapedStatus = 66;

std::string kernel(const char* kind) {
    return (build_dir() / "kernel" / "enclavisor-undefended.").string() + kind;
}
std::filesystem::path rom() {
    return kernel("rom");
}

struct Attack {
    const char* name;
    std::vector<std::uint64_t> parameters;
};

class Undefended : public testing::TestWithParam<Attack> {};

TEST_P(Undefended, TheAttackSucceeds) {
    host::MachineOptions options = machine_options(host::Platform::kPlain);
    options.rom = rom();
    const auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    NativeImage image{(programs_dir() / "hostile").string()};
    const auto& [name, parameters] = GetParam();
    if (!parameters.empty()) {
        image.patch(image.symbol("parameters"), parameters.data(), parameters.size() * sizeof parameters[0]);
    }
    NativeOptions native;
    native.entry = std::string{name} == "int_0x80" ? image.symbol("case_int_table") + 16 * 0x80
                                                   : image.symbol(std::string{"case_"} + name);
    auto created = NativeEnclave::create(*machine, image, native);
    ASSERT_TRUE(created.ok()) << created.error().text();
    auto enclave = created.take();
    ASSERT_TRUE(enclave.start().ok());
    const auto status = enclave.wait(std::chrono::seconds{30});
    ASSERT_TRUE(status) << machine->log();
    EXPECT_EQ(status->reason, static_cast<std::uint32_t>(abi::EndReason::kExited)) << describe(*status);
    EXPECT_EQ(status->code, kEscapedStatus) << describe(*status);
}

TEST(UndefendedSmp, StaleTranslationsAreUsed) {
    host::MachineOptions options = machine_options(host::Platform::kPlain);
    options.rom = rom();
    options.cpus = 2;
    const auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    const auto crowd = run_crowd(*machine, std::chrono::seconds{3});
    ASSERT_TRUE(crowd);
    EXPECT_GT(crowd->stale, 0u);
}

// What a hypervisor injects (injection_test): the handler of a program that did nothing
// wrong runs, and ring 0 writes where ring 3 had its stack.
class UndefendedInjection : public testing::TestWithParam<unsigned> {
protected:
    InjectedMachine ground_{host::Platform::kPlain, rom()};
};

TEST_P(UndefendedInjection, RunsTheHandlerForWhatDidNotHappen) {
    // A page fault: at the page that it touched last, and which is gone but for a moment.
    const bool page_fault = GetParam() == 14;
    InjectedEnclave victim{ground_, page_fault};
    inject_inside(ground_, victim, GetParam(), GetParam() >= 13 && GetParam() <= 14, page_fault ? 8 : 1);
    const auto status = victim.status(std::chrono::seconds{20});
    ASSERT_TRUE(status) << ground_.machine().log();
    EXPECT_EQ(status->code, 100 + GetParam()) << describe(*status);
}
INSTANTIATE_TEST_SUITE_P(Of, UndefendedInjection, testing::Values(0, 1, 3, 4, 6, 13, 14, 16, 17, 19, 29));

// A Linux program's handler, as injection_test has it under attack.
class UndefendedProgram : public testing::TestWithParam<std::pair<unsigned, int>> {};

TEST_P(UndefendedProgram, HandlesWhatDidNotHappen) {
    const auto [vector, number] = GetParam();
    InjectedMachine ground{host::Platform::kPlain, rom()};
    InjectedProgram program{ground, false};  // its gates are open: it has no faults at `int`
    {
        Gdb gdb{ground.socket()};
        Injector injector{gdb};
        std::mt19937_64 random{1};
        ASSERT_TRUE((Stops{gdb, 1}.in_program(random)));
        injector.inject(vector, vector == 13);
    }
    const auto status = program.status(std::chrono::minutes{1});
    ASSERT_TRUE(status) << ground.machine().log();
    EXPECT_EQ(status->code, 90u) << describe(*status);
    EXPECT_EQ(program.last_line().rfind("invented signal " + std::to_string(number) + " ", 0), 0u)
        << program.output();
}
INSTANTIATE_TEST_SUITE_P(Of, UndefendedProgram,
                         testing::Values(std::pair{0u, SIGFPE}, std::pair{1u, SIGTRAP},
                                         std::pair{3u, SIGTRAP}, std::pair{6u, SIGILL},
                                         std::pair{13u, SIGSEGV}, std::pair{17u, SIGBUS},
                                         std::pair{29u, SIGSEGV}));

TEST(UndefendedKernel, PushesAnInjectedEventWhereRingThreeWants) {
    InjectedMachine ground{host::Platform::kPlain, rom()};
    InjectedEnclave victim{ground, true};
    EXPECT_TRUE(pushes_where_ring_three_wants(ground, NativeImage{kernel("elf")}));
    ground.panics();
}

const Attack kAttacks[] = {
    {"read_parameter", {0xffff'ffff'8020'0000}},  // the kernel's text
    {"read_parameter", {0xffff'8000'0040'0000}},  // all memory, through the direct map
    {"write_parameter", {0xffff'8000'0040'0000}},
    {"locked_write_parameter", {0xffff'8000'0040'0000}},
    {"cli", {}},
    {"sti", {}},
    {"in_byte", {}},
    {"in_pci", {}},
    {"out_byte", {}},
    {"ins", {}},
    {"outs", {}},
    {"sgdt", {}},
    {"sidt", {}},
    {"sldt", {}},
    {"str", {}},
    {"smsw", {}},
    {"int_0x80", {}},
};
INSTANTIATE_TEST_SUITE_P(On, Undefended, testing::ValuesIn(kAttacks), [](const auto& p) {
    return std::string{p.param.name} + "_" + std::to_string(p.index);
});

}  // namespace
}  // namespace enclavisor::tests
