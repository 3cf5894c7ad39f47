// The processor that runs this test is the oracle: it executes what the tables know.
#include "kernel/arch/instruction.hpp"

#include <cpuid.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <csetjmp>
#include <csignal>
#include <cstring>
#include <random>
#include <sstream>
#include <vector>

namespace enclavisor::kernel {
namespace {

constexpr InstructionSets kAllSets{true, true, true};

std::optional<Instruction> decoded(std::vector<std::uint8_t> bytes, const abi::Registers& r = {}) {
    return decode(bytes, r, kAllSets);
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
bool reached;

void on_step(int number, siginfo_t*, void* context) {
    const auto rip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    if (number != SIGTRAP || reached) siglongjmp(executed, number);
    reached = static_cast<std::uint64_t>(rip) == target;
}

[[gnu::noinline]] int signal_of_execution() {
    reached = false;
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

// The same without a step, for instructions that change neither the stack nor RIP: what they
// read or write is there, and the code behind them comes back. A signal only if they end with one.
std::uint64_t operand, stack_pointer;

[[gnu::noinline]] int signal_of_free_execution() {
    const int number = sigsetjmp(executed, 1);
    if (number != 0) return number;
    asm volatile(
        "leaq -256(%%rsp), %%rsp; pushq %%rbp; pushq %%rbx; pushq %%r12; pushq %%r13; pushq %%r14; pushq "
        "%%r15\n\t"
        "movq %%rsp, %0; movq %1, %%rax; movq %%rax, %%rbx; movq %%rax, %%rcx; movq %%rax, %%rdx\n\t"
        "movq %%rax, %%rsi; movq %%rax, %%rdi; movq %%rax, %%r8; movq %%rax, %%r9; movq %%rax, %%r10\n\t"
        "movq %%rax, %%r11; movq %%rax, %%r12; movq %%rax, %%r13; movq %%rax, %%r14; movq %%rax, %%r15\n\t"
        "jmp *_ZN10enclavisor6kernel12_GLOBAL__N_16targetE(%%rip)\n"
        "instruction_done:\n\t"
        "cld; movq %0, %%rsp; popq %%r15; popq %%r14; popq %%r13; popq %%r12; popq %%rbx; popq %%rbp\n\t"
        "leaq 256(%%rsp), %%rsp; fninit"
        : "=m"(stack_pointer)
        : "m"(operand)
        : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2",
          "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
          "xmm15");
    return SIGTRAP;
}
extern "C" const char instruction_done[];

bool stays(const Instruction& i) {
    const bool jumps =
        i.map == 0 ? i.opcode >> 4 == 7 || i.opcode >> 4 == 0xe : i.map == 1 && i.opcode >> 4 == 8;
    return !jumps && !(i.traits & (kStack | kStrings | kOpen | kPlaced));
}

class Execution : public testing::Test {
protected:
    void SetUp() override {
        code_ = static_cast<std::uint8_t*>(
            ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        ASSERT_NE(code_, MAP_FAILED);
        target = reinterpret_cast<std::uint64_t>(code_);
        operand = reinterpret_cast<std::uint64_t>(operand_);
        // jmp *0(%rip)
        constexpr std::uint8_t kBack[] = {0xff, 0x25, 0, 0, 0, 0};
        const auto back = reinterpret_cast<std::uint64_t>(instruction_done);
        std::memset(code_, 0x90, kBackAt);
        std::memcpy(code_ + kBackAt, kBack, sizeof(kBack));
        std::memcpy(code_ + kBackAt + sizeof(kBack), &back, sizeof(back));
        stack_t stack{};
        stack.ss_sp = handler_stack_.data();
        stack.ss_size = handler_stack_.size();
        ASSERT_EQ(::sigaltstack(&stack, &stack_before_), 0);
        struct sigaction action {};
        action.sa_sigaction = on_step;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        for (std::size_t i = 0; i < std::size(kSignals); i++) ::sigaction(kSignals[i], &action, &before_[i]);
    }
    void TearDown() override {
        for (std::size_t i = 0; i < std::size(kSignals); i++) ::sigaction(kSignals[i], &before_[i], nullptr);
        ::sigaltstack(&stack_before_, nullptr);
        ::munmap(code_, kPage);
    }

    // The signal that the instruction ends with; SIGTRAP: it was executed.
    int execute(const std::vector<std::uint8_t>& bytes, bool free = false) {
        std::memcpy(code_, bytes.data(), bytes.size());
        if (free) return signal_of_free_execution();
        const int number = signal_of_execution();
        asm volatile("fninit");
        return number;
    }
    // Whatever is known, the processor must not call invalid. Behind it are `nop`s.
    testing::AssertionResult is_right(std::vector<std::uint8_t> bytes, bool free = true) {
        bytes.resize(14, 0x90);
        abi::Registers r{};
        r.rip = 1ull << 40;
        const auto instruction = decode(bytes, r, sets_);
        if (!instruction || (instruction->map == 1 && instruction->opcode == 0x05))  // syscall
            return testing::AssertionSuccess();
        // Relative to RIP there is something.
        if (instruction->address && *instruction->address >> 32 > 0xff && *instruction->address >> 32 < 0x102)
            return testing::AssertionSuccess();
        known_++;
        const int number = execute(bytes, free && stays(*instruction));
        done_ += number == SIGTRAP;
        if (number != SIGILL) return testing::AssertionSuccess();
        std::ostringstream text;
        for (const std::uint8_t byte : bytes) text << std::hex << +byte << " ";
        return testing::AssertionFailure() << text.str();
    }
    // With all ModRM bytes that differ in more than registers.
    void expect_right_with_operands(std::vector<std::uint8_t> bytes) {
        bytes.push_back(0);
        abi::Registers r{};
        const auto instruction = decode(bytes, r, sets_);
        if (instruction && !(instruction->traits & kModRm)) {
            EXPECT_TRUE(is_right(bytes));
            return;
        }
        for (unsigned member = 0; member < 8; member++) {
            bytes.back() = static_cast<std::uint8_t>(member << 3);
            EXPECT_TRUE(is_right(bytes));
            for (unsigned low = 0; low < 8; low++) {
                bytes.back() = static_cast<std::uint8_t>(0xc0 | member << 3 | low);
                EXPECT_TRUE(is_right(bytes));
            }
        }
    }

    int known_ = 0, done_ = 0;
    const InstructionSets sets_ = sets_here();

private:
    static InstructionSets sets_here() {
        unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
        __get_cpuid(1, &eax, &ebx, &ecx, &edx);
        const unsigned leaf1 = ecx;
        __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
        unsigned low = 0, high = 0;
        if (leaf1 >> 27 & 1) asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        return instruction_sets(leaf1, ebx, low);
    }

    static constexpr std::size_t kPage = 4096, kBackAt = 32;
    alignas(64) std::uint8_t operand_[1024]{};
    static constexpr int kSignals[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP};
    std::uint8_t* code_ = nullptr;
    std::vector<char> handler_stack_ = std::vector<char>(1 << 16);
    stack_t stack_before_{};
    struct sigaction before_[std::size(kSignals)];
};

TEST_F(Execution, OfInvalidInstructionsIsSeen) {
    EXPECT_EQ(execute({0x0f, 0x0b}), SIGILL);
    EXPECT_EQ(execute({0x0f, 0x0b}, true), SIGILL);
    EXPECT_EQ(execute({0x90}), SIGTRAP);
}

TEST_F(Execution, OfWhateverIsKnownIsValid) {
    std::mt19937_64 random{2};
    for (int i = 0; i < 8'000; i++) {
        constexpr std::uint8_t kPrefixes[] = {0x66, 0x2e, 0xf2, 0xf3, 0xf0, 0x48, 0x41, 0x44, 0x4f, 0x40};
        constexpr std::uint8_t kMaps[] = {0x0f, 0xc4, 0xc5};
        std::vector<std::uint8_t> bytes;
        while (random() % 3 == 0 && bytes.size() < 2)
            bytes.push_back(kPrefixes[random() % std::size(kPrefixes)]);
        if (random() % 2) bytes.push_back(kMaps[random() % std::size(kMaps)]);
        while (bytes.size() < 14) bytes.push_back(static_cast<std::uint8_t>(random()));
        ASSERT_TRUE(is_right(bytes, false));
    }
    EXPECT_GT(known_, 1'500);
    EXPECT_GT(done_, 400);
}

TEST_F(Execution, OfAllOpcodes) {
    for (const int prefix : {0, 0x66, 0xf2, 0xf3, 0xf0}) {
        for (const bool wide : {false, true}) {
            for (int map = 0; map < 4; map++) {
                for (unsigned opcode = 0; opcode < 256; opcode++) {
                    std::vector<std::uint8_t> bytes;
                    if (prefix != 0) bytes.push_back(static_cast<std::uint8_t>(prefix));
                    if (wide) bytes.push_back(0x48);
                    if (map > 0) bytes.push_back(0x0f);
                    if (map > 1) bytes.push_back(map == 2 ? 0x38 : 0x3a);
                    bytes.push_back(static_cast<std::uint8_t>(opcode));
                    expect_right_with_operands(bytes);
                }
            }
        }
    }
    EXPECT_GT(known_, sets_.v2 ? 100'000 : 60'000);
    EXPECT_GT(done_, known_ / 2);
}

TEST_F(Execution, OfAllOpcodesWithVex) {
    if (!sets_.v3) GTEST_SKIP() << "this processor has no AVX2";
    for (unsigned map = 1; map < 4; map++) {
        for (unsigned rest = 0; rest < 256; rest++) {
            // W, one vvvv or none, L, the mandatory prefix
            if ((rest & 0x78) != 0x78 && (rest & 0x78) != 0x20) continue;
            for (unsigned opcode = 0; opcode < 256; opcode++) {
                expect_right_with_operands({0xc4, static_cast<std::uint8_t>(0xe0 | map),
                                            static_cast<std::uint8_t>(rest),
                                            static_cast<std::uint8_t>(opcode)});
            }
        }
    }
    EXPECT_GT(known_, 100'000);
    EXPECT_GT(done_, known_ / 2);
}

TEST(Instruction, SetsAreThoseOfTheirLevel) {
    constexpr std::uint32_t kLeaf1 = 0x7efa'3203 | 1 << 29, kLeaf7 = 1 << 3 | 1 << 5 | 1 << 8 | 1 << 29;
    const InstructionSets all = instruction_sets(kLeaf1, kLeaf7, 7);
    EXPECT_TRUE(all.v2 && all.v3 && all.crypto);
    EXPECT_FALSE(instruction_sets(kLeaf1, kLeaf7, 3).v3) << "the state is not enabled";
    EXPECT_FALSE(instruction_sets(kLeaf1 & ~(1u << 12), kLeaf7, 7).v3);
    EXPECT_FALSE(instruction_sets(kLeaf1, kLeaf7 & ~(1u << 5), 7).v3);
    EXPECT_FALSE(instruction_sets(kLeaf1, kLeaf7 & ~(1u << 29), 7).crypto);
    const InstructionSets none = instruction_sets(kLeaf1 & ~(1u << 20), kLeaf7, 7);
    EXPECT_FALSE(none.v2 || none.v3 || none.crypto);
}

TEST(Instruction, WhatTheProcessorLacksIsUnknown) {
    const std::vector<std::uint8_t> avx{0xc5, 0xfc, 0x58, 0xc1}, sse{0x0f, 0x58, 0xc1}, x87{0xd8, 0xc1},
        aes{0x66, 0x0f, 0x38, 0xdc, 0xc1};
    for (const auto& [sets, known] :
         {std::pair{InstructionSets{}, 0}, {InstructionSets{true, false, false}, 2}, {kAllSets, 4}}) {
        int found = 0;
        for (const auto& bytes : {avx, sse, x87, aes}) found += decode(bytes, {}, sets).has_value();
        EXPECT_EQ(found, known);
    }
}

// As compilers and libraries have them.
TEST(Instruction, WhatProgramsConsistOfIsKnown) {
    EXPECT_TRUE(decoded({0xf0, 0x0f, 0xb1, 0x17}));              // lock cmpxchg %edx, (%rdi)
    EXPECT_TRUE(decoded({0xf0, 0x83, 0x0c, 0x24, 0x00}));        // lock orl $0, (%rsp)
    EXPECT_TRUE(decoded({0xf0, 0x48, 0xff, 0x08}));              // lock decq (%rax)
    EXPECT_TRUE(decoded({0xff, 0x25, 0, 0, 0, 0}));              // jmp *(%rip)
    EXPECT_TRUE(decoded({0xc9}));                                // leave
    EXPECT_TRUE(decoded({0x66, 0x0f, 0xef, 0xc0}));              // pxor %xmm0, %xmm0
    EXPECT_TRUE(decoded({0xf2, 0x48, 0x0f, 0x2a, 0xc0}));        // cvtsi2sd %rax, %xmm0
    EXPECT_TRUE(decoded({0x66, 0x0f, 0x3a, 0x63, 0x06, 0x0c}));  // pcmpistri $12, (%rsi), %xmm0
    EXPECT_TRUE(decoded({0xf3, 0x48, 0x0f, 0xb8, 0xc7}));        // popcnt %rdi, %rax
    EXPECT_TRUE(decoded({0xc5, 0xfe, 0x6f, 0x06}));              // vmovdqu (%rsi), %ymm0
    EXPECT_TRUE(decoded({0xc5, 0xf8, 0x77}));                    // vzeroupper
    EXPECT_TRUE(decoded({0xc5, 0xfd, 0xd7, 0xc9}));              // vpmovmskb %ymm1, %ecx
    EXPECT_TRUE(decoded({0xc4, 0xe2, 0x7d, 0x78, 0xc0}));        // vpbroadcastb %xmm0, %ymm0
    EXPECT_TRUE(decoded({0xc4, 0xe2, 0xf5, 0xb8, 0xc2}));        // vfmadd231pd %ymm2, %ymm1, %ymm0
    EXPECT_TRUE(decoded({0xc4, 0xe2, 0xf8, 0xf3, 0xc8}));        // blsr %rax, %rax
    EXPECT_TRUE(decoded({0xdb, 0x2c, 0x24}));                    // fldt (%rsp)
    EXPECT_TRUE(decoded({0xd9, 0xc9}));                          // fxch
    EXPECT_TRUE(decoded({0x0f, 0xae, 0xf0}));                    // mfence
}

TEST(Instruction, WhatMayBeInvalidIsUnknown) {
    EXPECT_FALSE(decoded({0x0f, 0x0b}));                       // ud2
    EXPECT_FALSE(decoded({0xf0, 0x01, 0xc0}));                 // lock add %eax, %eax
    EXPECT_FALSE(decoded({0xf0, 0x39, 0x00}));                 // lock cmp %eax, (%rax)
    EXPECT_FALSE(decoded({0x8d, 0xc0}));                       // lea of a register
    EXPECT_FALSE(decoded({0xff, 0xf8}));                       // group 5, 7
    EXPECT_FALSE(decoded({0xc5, 0xf0, 0x77}));                 // vzeroupper with a register in vvvv
    EXPECT_FALSE(decoded({0xc5, 0xf5, 0x6e, 0xc0}));           // vmovd of 256 bits
    EXPECT_FALSE(decoded({0xc4, 0xe3, 0x7d, 0x00, 0xc0, 0}));  // vpermq with W 0
    EXPECT_FALSE(decoded({0x48, 0xc5, 0xf8, 0x77}));           // REX before VEX
    EXPECT_FALSE(decoded({0x66, 0xc5, 0xf8, 0x77}));
    EXPECT_FALSE(decoded({0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0}));  // EVEX
    EXPECT_FALSE(decoded({0xd9, 0xd8}));                          // x87
    EXPECT_FALSE(decoded({0xdb, 0x20}));
    EXPECT_FALSE(decoded({0x66, 0xf3, 0x0f, 0x58, 0xc0}));  // two mandatory prefixes
    EXPECT_FALSE(decoded({0x0f, 0x0f, 0xc0, 0x9e}));        // 3DNow
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
        const auto instruction = decode(bytes, r, kAllSets);
        return !instruction || may_be_refused(*instruction, r);
    };
    EXPECT_FALSE(refused({0x48, 0x01, 0xc8}));  // add %rcx, %rax
    EXPECT_FALSE(refused({0x50}));
    EXPECT_FALSE(refused({0x48, 0x8b, 0x04, 0xc8}));                    // mov (%rax,%rcx,8), %rax
    EXPECT_FALSE(refused({0x48, 0x8b, 0x05, 0x00, 0x00, 0x00, 0x80}));  // mov -2 GiB(%rip), %rax
    EXPECT_TRUE(refused({0xc3}));
    EXPECT_TRUE(refused({0x64, 0x8b, 0x00}));               // mov %fs:(%rax), %eax
    EXPECT_FALSE(refused({0x0f, 0x58, 0x00}));              // addps (%rax), %xmm0
    EXPECT_TRUE(refused({0x0f, 0x58, 0x40, 0x08}));         // 8(%rax)
    EXPECT_FALSE(refused({0xc5, 0xfc, 0x58, 0x40, 0x08}));  // vaddps 8(%rax), %ymm0, %ymm0
    EXPECT_TRUE(refused({0xc5, 0xfc, 0x28, 0x40, 0x10}));   // vmovaps 16(%rax), %ymm0
    EXPECT_FALSE(refused({0xff, 0x00}));                    // incl (%rax)
    EXPECT_TRUE(refused({0xf4}));                           // hlt
    EXPECT_TRUE(refused({0xff, 0x20}));                     // jmp *(%rax)
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
