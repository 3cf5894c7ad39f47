// The processor that runs this test is the oracle: it executes what the tables know.
#include "kernel/arch/instruction.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <csetjmp>
#include <csignal>
#include <cstring>
#include <random>
#include <vector>

namespace enclavisor::kernel {
namespace {

std::optional<Instruction> decoded(std::vector<std::uint8_t> bytes, const abi::Registers& r = {}) {
    return decode(bytes, r);
}

sigjmp_buf divided;
void on_division(int) {
    siglongjmp(divided, 1);
}

// What the processor says of RDX:RAX (AX for bytes) divided by RCX or CL.
bool fails_here(int size, bool is_signed, const abi::Registers& r) {
    if (sigsetjmp(divided, 1) != 0) return true;
    std::uint64_t rax = r.rax, rdx = r.rdx;
    const auto divide = [&](auto unsigned_one, auto signed_one) {
        is_signed ? signed_one() : unsigned_one();
    };
#define DIVIDE(name) asm volatile(name : "+a"(rax), "+d"(rdx) : "c"(r.rcx) : "cc")
    switch (size) {
        case 1:
            divide([&] { DIVIDE("div %%cl"); }, [&] { DIVIDE("idiv %%cl"); });
            break;
        case 2:
            divide([&] { DIVIDE("div %%cx"); }, [&] { DIVIDE("idiv %%cx"); });
            break;
        case 4:
            divide([&] { DIVIDE("div %%ecx"); }, [&] { DIVIDE("idiv %%ecx"); });
            break;
        default:
            divide([&] { DIVIDE("div %%rcx"); }, [&] { DIVIDE("idiv %%rcx"); });
            break;
    }
#undef DIVIDE
    return false;
}

std::vector<std::uint8_t> division_by_rcx(int size, bool is_signed) {
    std::vector<std::uint8_t> bytes;
    if (size == 2) bytes.push_back(0x66);
    if (size == 8) bytes.push_back(0x48);
    bytes.push_back(size == 1 ? 0xf6 : 0xf7);
    bytes.push_back(is_signed ? 0xf9 : 0xf1);
    return bytes;
}

TEST(Instruction, DivisionsFailAsTheProcessorSays) {
    struct sigaction action {
    }, before;
    action.sa_handler = on_division;
    ASSERT_EQ(::sigaction(SIGFPE, &action, &before), 0);
    std::mt19937_64 random{1};
    const std::uint64_t corners[] = {
        0,      1,        2,           0x7f,        0x80,        0xff,       0x7fff,
        0x8000, 0xffff,   0x7fff'ffff, 0x8000'0000, 0xffff'ffff, 1ull << 63, (1ull << 63) - 1,
        ~0ull,  ~0ull - 1};
    const auto operand = [&] {
        return random() % 2 ? corners[random() % std::size(corners)] : random() >> random() % 64;
    };
    int failed = 0;
    for (int i = 0; i < 40'000; i++) {
        abi::Registers r{};
        r.rax = operand();
        r.rdx = random() % 2 ? operand() : static_cast<std::uint64_t>(static_cast<std::int64_t>(r.rax) >> 63);
        r.rcx = operand();
        const int size = 1 << random() % 4;
        const bool is_signed = random() % 2;
        const auto instruction = decoded(division_by_rcx(size, is_signed), r);
        ASSERT_TRUE(instruction);
        ASSERT_TRUE(is_division(*instruction));
        const bool fails = fails_here(size, is_signed, r);
        failed += fails;
        ASSERT_EQ(division_fails(*instruction, r, register_operand(*instruction, r)), fails)
            << size << (is_signed ? " signed " : " unsigned ") << std::hex << r.rdx << ":" << r.rax << " / "
            << r.rcx;
    }
    ::sigaction(SIGFPE, &before, nullptr);
    EXPECT_GT(failed, 4000);
    EXPECT_LT(failed, 36'000);
}

// Executes the one instruction at `target`, with all registers pointing to where nothing
// is: single-stepped, so that what follows it does not matter.
sigjmp_buf executed;
std::uint64_t target;

void on_step(int number, siginfo_t*, void* context) {
    const auto rip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    if (number == SIGTRAP && static_cast<std::uint64_t>(rip) == target) return;  // it comes next
    siglongjmp(executed, number);
}

[[gnu::noinline]] int signal_of_execution() {
    const int number = sigsetjmp(executed, 1);
    if (number != 0) return number;
    asm volatile(
        "movl $0x10000, %eax; movq %rax, %rbx; movq %rax, %rcx; movq %rax, %rdx; movq %rax, %rsi\n\t"
        "movq %rax, %rdi; movq %rax, %r8; movq %rax, %r9; movq %rax, %r10; movq %rax, %r11\n\t"
        "movq %rax, %r12; movq %rax, %r13; movq %rax, %r14; movq %rax, %r15; movq %rax, %rbp\n\t"
        "pushfq; orq $0x100, (%rsp); popfq\n\t"
        "movq %rax, %rsp\n\t"
        "jmp *_ZN10enclavisor6kernel12_GLOBAL__N_16targetE(%rip)");
    __builtin_unreachable();
}

TEST(Instruction, WhatIsKnownIsValid) {
    constexpr std::size_t kPage = 4096;
    auto* code = static_cast<std::uint8_t*>(
        ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(code, MAP_FAILED);
    target = reinterpret_cast<std::uint64_t>(code);
    std::vector<char> handler_stack(1 << 16);
    stack_t stack{}, stack_before;
    stack.ss_sp = handler_stack.data();
    stack.ss_size = handler_stack.size();
    ASSERT_EQ(::sigaltstack(&stack, &stack_before), 0);
    struct sigaction action {};
    action.sa_sigaction = on_step;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    constexpr int kSignals[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP};
    struct sigaction before[std::size(kSignals)];
    for (std::size_t i = 0; i < std::size(kSignals); i++) ::sigaction(kSignals[i], &action, &before[i]);

    std::mt19937_64 random{2};
    int known = 0, done = 0;
    for (int i = 0; i < 30'000; i++) {
        constexpr std::uint8_t kPrefixes[] = {0x66, 0x2e, 0xf2, 0xf3, 0x48, 0x41, 0x44, 0x4f, 0x40};
        std::vector<std::uint8_t> bytes;
        while (random() % 3 == 0 && bytes.size() < 2)
            bytes.push_back(kPrefixes[random() % std::size(kPrefixes)]);
        if (random() % 2) bytes.push_back(0x0f);
        while (bytes.size() < 14) bytes.push_back(static_cast<std::uint8_t>(random()));
        abi::Registers r{};
        r.rip = 1ull << 40;
        const auto instruction = decode(bytes, r);
        if (!instruction || (instruction->second_map && instruction->opcode == 0x05)) continue;
        // Relative to RIP there is something.
        if (instruction->address && *instruction->address >> 32 > 0xff && *instruction->address >> 32 < 0x102)
            continue;
        known++;
        std::memcpy(code, bytes.data(), bytes.size());
        const int number = signal_of_execution();
        done += number == SIGTRAP;
        ASSERT_NE(number, SIGILL) << std::hex << +bytes[0] << " " << +bytes[1] << " " << +bytes[2] << " "
                                  << +bytes[3];
    }
    EXPECT_GT(known, 6'000);
    EXPECT_GT(done, 1'500);
    for (std::size_t i = 0; i < std::size(kSignals); i++) ::sigaction(kSignals[i], &before[i], nullptr);
    ::sigaltstack(&stack_before, nullptr);
    ::munmap(code, kPage);
}

TEST(Instruction, WhatMayBeInvalidOrPrivilegedIsUnknown) {
    EXPECT_FALSE(decoded({0x0f, 0x0b}));        // ud2
    EXPECT_FALSE(decoded({0xf4}));              // hlt
    EXPECT_FALSE(decoded({0xf0, 0x01, 0xc0}));  // lock add %eax, %eax
    EXPECT_FALSE(decoded({0x8d, 0xc0}));        // lea of a register
    EXPECT_FALSE(decoded({0xcd, 0x80}));
    EXPECT_FALSE(decoded({0xcc}));
    EXPECT_FALSE(decoded({0xff, 0xf8}));        // group 5, 7
    EXPECT_FALSE(decoded({0xc5, 0xf8, 0x77}));  // VEX
    EXPECT_FALSE(decoded({}));
    EXPECT_FALSE(decoded({0x48}));
    EXPECT_FALSE(decoded({0x81}));
    EXPECT_FALSE(decoded({0x66, 0x66, 0x66, 0x66, 0x90}));
}

TEST(Instruction, OnlyAddressesThatAreNotCanonicalAreRefused) {
    abi::Registers r{};
    r.rip = 0x40'0000;
    r.rsp = 0x7000'0000;
    const auto refused = [&](std::vector<std::uint8_t> bytes) {
        const auto instruction = decode(bytes, r);
        return !instruction || may_be_refused(*instruction, r);
    };
    EXPECT_FALSE(refused({0x48, 0x01, 0xc8}));  // add %rcx, %rax
    EXPECT_FALSE(refused({0x50}));
    EXPECT_FALSE(refused({0x48, 0x8b, 0x04, 0xc8}));                    // mov (%rax,%rcx,8), %rax
    EXPECT_FALSE(refused({0x48, 0x8b, 0x05, 0x00, 0x00, 0x00, 0x80}));  // mov -2 GiB(%rip), %rax
    EXPECT_TRUE(refused({0xc3}));
    EXPECT_TRUE(refused({0x64, 0x8b, 0x00}));  // mov %fs:(%rax), %eax
    EXPECT_TRUE(refused({0x0f, 0x58, 0x00}));  // addps (%rax), %xmm0: if it is not aligned
    r.rax = 1ull << 47;
    EXPECT_TRUE(refused({0x48, 0x8b, 0x00}));
    EXPECT_FALSE(refused({0x48, 0x8d, 0x00}));  // lea (%rax), %rax
    r.rax = 1ull << 46;
    r.rcx = 1ull << 43;
    EXPECT_TRUE(refused({0x48, 0x8b, 0x04, 0xc8}));
    r.rsp = 1ull << 62;
    EXPECT_TRUE(refused({0x50}));
}

TEST(Instruction, AddressesAreTheProcessors) {
    abi::Registers r{};
    r.rip = 0x40'0000;
    r.rbx = 0x1000;
    r.r9 = 0x20;
    r.r12 = 0x5000;
    EXPECT_EQ(decoded({0xf7, 0x73, 0x10}, r)->address, 0x1010u);                       // div 0x10(%rbx)
    EXPECT_EQ(decoded({0x48, 0xf7, 0x74, 0x23, 0xf0}, r)->address, 0xff0u);            // -16(%rbx), no index
    EXPECT_EQ(decoded({0x43, 0xf7, 0x74, 0x8c, 0xf0}, r)->address, 0x5070u);           // -16(%r12,%r9,4)
    EXPECT_EQ(decoded({0xf7, 0x34, 0x25, 0, 0, 0x60, 0}, r)->address, 0x60'0000u);     // 0x600000
    EXPECT_EQ(decoded({0x48, 0xf7, 0x35, 1, 0, 0, 0}, r)->address, 0x40'0008u);        // 1(%rip)
    EXPECT_EQ(decoded({0x66, 0xf7, 0x05, 0, 0, 0, 0, 1, 1}, r)->address, 0x40'0009u);  // testw $, 0(%rip)
    EXPECT_EQ(decoded({0x41, 0xf7, 0xb4, 0x24, 0, 1, 0, 0}, r)->address, 0x5100u);     // 0x100(%r12)
}

}  // namespace
}  // namespace enclavisor::kernel
