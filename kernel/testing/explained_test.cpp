// Which exceptions are the enclave's: those that it can have raised.
#include "kernel/arch/explained.hpp"

#include "kernel/arch/exception_state.hpp"
#include "kernel/testing/kernel_fixture.hpp"

namespace enclavisor::kernel::testing {
namespace {

constexpr std::uint64_t kCode = 0x400000, kData = 0x500000;

class Explained : public KernelTest {
protected:
    void SetUp() override {
        handle = machine.start_enclave();
        machine.schedule();
    }
    // The instruction that an exception comes at.
    void at(std::initializer_list<std::uint8_t> instruction) {
        auto* code = direct<std::uint8_t>(frame(kCode));
        std::size_t i = 0;
        for (const std::uint8_t byte : instruction) code[i++] = byte;
        this_cpu().current->registers.rip = kCode;
    }
    PhysAddr frame(std::uint64_t page) {
        return this_cpu_enclave()->first_space.tables.lookup(VirtAddr{page}).frame();
    }
    bool ignored(std::uint64_t vector, std::uint64_t address = arch::kNoFault) {
        const std::uint64_t before = machine.kernel().ignored_interrupts;
        machine.trap(vector, 0, address);
        return machine.kernel().ignored_interrupts == before + 1;
    }
    void expect_end(std::uint64_t vector) {
        EXPECT_FALSE(ignored(vector));
        EXPECT_EQ(reason(handle), EndReason::kFault);
        EXPECT_EQ(record(handle).code, vector);
    }

    std::uint64_t handle = 0;
};

TEST_F(Explained, ADivisionErrorComesOfADivisionThatFails) {
    at({0x48, 0x01, 0xc8});  // add %rcx, %rax
    EXPECT_TRUE(ignored(0));
    at({0xf7, 0x34, 0x25, 0, 0, 0x50, 0});  // divl 0x500000
    EXPECT_TRUE(ignored(0)) << "there is no page to read the divisor from";
    EXPECT_FALSE(ignored(14, kData));
    *direct<std::uint32_t>(frame(kData)) = 3;
    EXPECT_TRUE(ignored(0));
    *direct<std::uint32_t>(frame(kData)) = 0;
    expect_end(0);
}

TEST_F(Explained, ADivisorInTheLinkIsAnybodys) {
    this_cpu().current->registers.rbx = abi::kIoAreaBase;
    at({0xf7, 0x33});  // divl (%rbx)
    expect_end(0);
}

TEST_F(Explained, AnInvalidOpcodeIsUnknown) {
    at({0x90});
    EXPECT_TRUE(ignored(6));
    this_cpu().current->registers.rip = 0x600000;  // nothing is there to be executed
    EXPECT_TRUE(ignored(6));
    at({0x0f, 0x0b});
    expect_end(6);
}

TEST_F(Explained, AnInvalidOpcodeIsNoneThatTheProcessorHas) {
    at({0xc5, 0xfc, 0x58, 0xc1});  // vaddps %ymm1, %ymm0, %ymm0
    processor_sets = {true, true, false};
    EXPECT_TRUE(ignored(6));
    EXPECT_TRUE(ignored(13));
    processor_sets = {true, false, false};
    expect_end(6);
    processor_sets = {};
}

TEST_F(Explained, ARefusedAddressIsNotCanonical) {
    at({0x48, 0x8b, 0x00});  // mov (%rax), %rax
    this_cpu().current->registers.rax = kData;
    EXPECT_TRUE(ignored(13));
    EXPECT_TRUE(ignored(12));
    this_cpu().current->registers.rax = 1ull << 50;
    expect_end(13);
}

TEST_F(Explained, APageFaultLeavesItsAddressOnce) {
    EXPECT_TRUE(ignored(14));
    EXPECT_FALSE(ignored(14, kData));
    EXPECT_EQ(machine.kernel().ignored_interrupts, 1u);
    EXPECT_EQ(arch::read_cr2(), arch::kNoFault);
}

TEST_F(Explained, StateTellsOfTheOthers) {
    at({0x90});
    for (const std::uint64_t vector : {1, 3, 4, 5, 7, 9, 10, 11, 15, 16, 17, 19, 20, 21, 28, 29, 30, 31})
        EXPECT_TRUE(ignored(vector)) << vector;
    arch::fake_single_step = true;
    expect_end(1);
    EXPECT_FALSE(arch::fake_single_step);
}

TEST_F(Explained, AnAlignmentCheckIsAskedFor) {
    this_cpu().current->registers.rflags |= arch::kAlignmentCheck;
    expect_end(17);
}

TEST_F(Explained, UnmaskedFloatingPointExceptionsLeaveFlags) {
    arch::fake_x87_exception = true;
    expect_end(16);
    arch::fake_x87_exception = false;
}

}  // namespace
}  // namespace enclavisor::kernel::testing
