// Takes all it can get of one kind. What it is refused by an error, it reports and
// ends with 42.
#include "tests/programs/probe/bomb.hpp"

#include "abi/platform/layout.hpp"
#include "tests/programs/probe/bare.hpp"

namespace {

using namespace enclavisor;
using namespace tests::bare;
using tests::BombKind;

constexpr std::uint64_t kBlocks = 0x5000'0000, kHeap = 0x10'0000'0000;
constexpr std::uint64_t kMany = 1 << 20;

volatile tests::BombStatus& status() {
    return *reinterpret_cast<volatile tests::BombStatus*>(block().io_address + abi::kPageSize);
}

// Threads that compute, without a stack.
void bomb_threads() {
    kernel_call(abi::Call::kMap, kBlocks, kMany, abi::kRead | abi::kWrite);
    for (std::uint64_t i = 0;; i++) {
        abi::Registers& r = block().resume;
        r = {};
        asm("leaq 1f(%%rip), %0\n"
            "jmp 2f\n"
            "1: pause\n"
            "jmp 1b\n"
            "2:"
            : "=r"(r.rip));
        const std::int64_t created = kernel_call(abi::Call::kCreateThread, kBlocks + i * abi::kPageSize, 0);
        if (created < 0) end(created == static_cast<std::int64_t>(abi::CallError::kNoMemory) ? 42 : 3);
        status().made = static_cast<std::uint32_t>(i + 1);
    }
}

void bomb_memory() {
    kernel_call(abi::Call::kMap, kHeap, kMany, abi::kRead | abi::kWrite);
    for (std::uint64_t i = 0;; i++) {
        *reinterpret_cast<volatile char*>(kHeap + i * abi::kPageSize) = 1;
        status().made = static_cast<std::uint32_t>(i + 1);
    }
}

void bomb_objects() {
    for (std::uint32_t i = 0;; i++) {
        const std::int64_t object = kernel_call(abi::Call::kCreateObject, 1);
        if (object < 0) end(object == static_cast<std::int64_t>(abi::CallError::kNoMemory) ? 42 : 3);
        status().made = i + 1;
    }
}

}  // namespace

extern "C" [[noreturn]] void bomb_main() {
    switch (static_cast<BombKind>(status().kind)) {
        case BombKind::kThreads:
            bomb_threads();
            break;
        case BombKind::kMemory:
            bomb_memory();
            break;
        case BombKind::kObjects:
            bomb_objects();
            break;
    }
    end(2);
}

BARE_START(bomb_main);
