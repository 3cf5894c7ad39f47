// Threads of one enclave on several vCPUs: one changes mappings, the others look
// for what they must no longer see. Every page carries a number that says which
// round put it there; after the kernel call that takes a page away has returned,
// nobody may read that number again.
#include "tests/programs/probe/crowd.hpp"

#include "abi/platform/layout.hpp"
#include "tests/programs/probe/bare.hpp"

namespace {

using namespace enclavisor;
using namespace tests::bare;
using tests::kCrowdThreads;

constexpr std::uint64_t kBlocks = 0x5000'0000;
constexpr std::uint64_t kShelf = 0x6000'0000;  // kPages pages that come and go
constexpr std::uint64_t kPages = 8;

alignas(4096) char stacks[kCrowdThreads][4096];
// Pages of rounds below this are gone.
std::uint64_t oldest = 0;
std::uint32_t finished = 0;

volatile tests::CrowdStatus& status() {
    return *reinterpret_cast<volatile tests::CrowdStatus*>(abi::kIoAreaBase + abi::kPageSize);
}

void watch() {
    for (std::uint32_t at = 0; __atomic_load_n(&status().stop, __ATOMIC_RELAXED) == 0; at++) {
        const std::uint64_t gone = __atomic_load_n(&oldest, __ATOMIC_SEQ_CST);
        const std::uint64_t seen = look(kShelf + at % kPages * abi::kPageSize);
        if (seen == 0) continue;
        if (seen < gone) {
            status().detail = seen;
            __atomic_fetch_add(&status().stale, 1, __ATOMIC_SEQ_CST);
        }
        __atomic_fetch_add(&status().looks, 1, __ATOMIC_RELAXED);
    }
}

void change() {
    std::uint64_t random = 88172645463325252ull;
    for (std::uint64_t round = 1; __atomic_load_n(&status().stop, __ATOMIC_RELAXED) == 0; round++) {
        for (std::uint64_t i = 0; i < kPages; i++) {
            const std::uint64_t page = kShelf + i * abi::kPageSize;
            kernel_call(abi::Call::kMap, page, 1, abi::kRead | abi::kWrite);
            *reinterpret_cast<volatile std::uint64_t*>(page) = round;
        }
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        for (std::uint64_t spin = random % 2000; spin > 0; spin--) asm volatile("pause");
        switch (random >> 32 & 3) {
            case 0:
                kernel_call(abi::Call::kUnmap, kShelf, kPages);
                break;
            case 1:
                kernel_call(abi::Call::kDiscard, kShelf, kPages);
                break;
            case 2:
                kernel_call(abi::Call::kProtect, kShelf, kPages, 0);
                break;
            default:
                for (std::uint64_t i = 0; i < kPages; i++)
                    kernel_call(abi::Call::kMove, kShelf + i * abi::kPageSize,
                                kShelf + (64 + i) * abi::kPageSize, 1);
        }
        __atomic_store_n(&oldest, round + 1, __ATOMIC_SEQ_CST);
        status().rounds = static_cast<std::uint32_t>(round);
    }
}

}  // namespace

extern "C" {
[[noreturn]] void crowd_thread() {
    __atomic_fetch_add(&status().ready, 1, __ATOMIC_SEQ_CST);
    watch();
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
    kernel_call(abi::Call::kWake, reinterpret_cast<std::uint64_t>(&finished), 1);
    for (;;) kernel_call(abi::Call::kExitThread, 0);
}

[[noreturn]] void crowd_main() {
    kernel_call(abi::Call::kMap, kBlocks, kCrowdThreads, abi::kRead | abi::kWrite);
    for (std::uint32_t i = 1; i < kCrowdThreads; i++) {
        abi::Registers& r = block().resume;
        r = {};
        r.rip = reinterpret_cast<std::uint64_t>(&crowd_thread);
        r.rsp = reinterpret_cast<std::uint64_t>(stacks[i]) + sizeof(stacks[i]) - 8;
        if (kernel_call(abi::Call::kCreateThread, kBlocks + i * abi::kPageSize) < 0) end(2);
    }
    change();
    for (std::uint32_t done; (done = __atomic_load_n(&finished, __ATOMIC_SEQ_CST)) < kCrowdThreads - 1;)
        kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&finished), done);
    end(42);
}
}

BARE_START(crowd_main);
BARE_EXCEPTION_ENTRY
