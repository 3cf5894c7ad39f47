// Knows the answer to what it computes and never raises an exception of its own but page
// faults that the kernel resolves. Counts rounds in word 0, ends when word 1 is set; with
// word 2 it also makes kernel calls. Its handler tells what was made up: 100 + the vector.
#include "tests/programs/probe/bare.hpp"

namespace {

using namespace enclavisor;
using namespace tests::bare;

constexpr std::uint64_t kAt = 0x6000'0000;

constexpr std::uint64_t step(std::uint64_t x) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return x;
}

constexpr std::uint64_t kSteps = 4096, kSeed = 88172645463325252ull;
constexpr std::uint64_t kRight = [] {
    std::uint64_t x = kSeed;
    for (std::uint64_t i = 0; i < kSteps; i++) x = step(x);
    return x;
}();

volatile std::uint64_t seed = kSeed;

void call() {
    if (kernel_call(abi::Call::kNothing) != 0) end(44);
    if (kernel_call(abi::Call::kYield) != 0) end(45);
    if (kernel_call(abi::Call::kMap, kAt, 1, abi::kRead | abi::kWrite) != 1) end(46);
    auto* word = reinterpret_cast<volatile std::uint64_t*>(kAt);
    if (*word != 0) end(47);
    *word = kSeed;
    if (*word != kSeed) end(48);
    if (kernel_call(abi::Call::kUnmap, kAt, 1) != 1) end(49);
}

}  // namespace

extern "C" [[noreturn]] void injected_main() {
    auto* io = reinterpret_cast<volatile std::uint64_t*>(block().io_address + abi::kPageSize);
    for (std::uint64_t round = 1;; round++) {
        std::uint64_t x = seed;
        for (std::uint64_t i = 0; i < kSteps; i++) x = step(x);
        if (x != kRight) end(43);
        if (io[2] != 0) call();
        io[0] = round;
        if (io[1] != 0) end(42);
    }
}
BARE_START(injected_main);

extern "C" [[noreturn]] void injected_exception() {
    end(100 + block().exception.vector);
}
asm(R"(
    .globl enclavisor_exception_entry
enclavisor_exception_entry:
    leaq bare_stack_top(%rip), %rsp
    call injected_exception
    ud2
)");
