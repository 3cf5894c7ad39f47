// Threads in several address spaces of one enclave. A parent copies its space for one
// child after the other while a third thread writes to it; parent and child then write
// different values to the same addresses. Nobody may ever read another's value, nor a page
// of the common range that is gone.
#include "abi/platform/layout.hpp"
#include "tests/programs/probe/bare.hpp"
#include "tests/programs/probe/crowd.hpp"

namespace {

using namespace enclavisor;
using namespace tests::bare;
using tests::kSpacesChildren;

// Not common: each space has its own.
constexpr std::uint64_t kPages = 8, kOwn = 0x6000'0000, kCounted = 0x6010'0000, kJoint = 0x6020'0000;
// Common.
constexpr std::uint64_t kBlocks = abi::kCommonBegin + 0x4000'0000, kHeap = kBlocks + 0x10'0000,
                        kShelf = kHeap + 0x10'0000;
constexpr std::uint64_t kReadWrite = abi::kRead | abi::kWrite;
constexpr auto kNoMemory = static_cast<std::int64_t>(abi::CallError::kNoMemory);

struct Common {
    std::uint64_t oldest;  // pages of the shelf of rounds below this are gone
    std::uint32_t alive[kSpacesChildren];
    std::uint32_t counting;
    std::uint64_t finished;  // children, who each counted on the joint page
};

alignas(4096) char stacks[kSpacesChildren + 1][4096];

Common& common() {
    return *reinterpret_cast<Common*>(kHeap);
}
volatile tests::CrowdStatus& status() {
    return *reinterpret_cast<volatile tests::CrowdStatus*>(abi::kIoAreaBase + abi::kPageSize);
}
volatile std::uint64_t& word(std::uint64_t address) {
    return *reinterpret_cast<volatile std::uint64_t*>(address);
}
volatile std::uint64_t& own(std::uint64_t page) {
    return word(kOwn + page * abi::kPageSize);
}
bool stopped() {
    return __atomic_load_n(&status().stop, __ATOMIC_RELAXED) != 0;
}

void expect(bool holds, std::uint64_t what) {
    if (holds) return;
    status().detail = what;
    __atomic_fetch_add(&status().stale, 1, __ATOMIC_SEQ_CST);
}

// A new space with what the caller's has. 0: no memory now.
[[gnu::always_inline]] inline std::uint64_t copy_space() {
    const std::int64_t space = kernel_call(abi::Call::kForkSpace);
    if (space < 0) {
        expect(space == kNoMemory, 1);
        return 0;
    }
    std::int64_t cursor = 0;
    do {
        cursor = kernel_call(abi::Call::kCopySpace, static_cast<std::uint64_t>(space),
                             static_cast<std::uint64_t>(cursor));
    } while (cursor > 0);
    if (cursor == 0) return static_cast<std::uint64_t>(space);
    expect(cursor == kNoMemory, 2);
    expect(kernel_call(abi::Call::kDropSpace, static_cast<std::uint64_t>(space)) == 0, 3);
    return 0;
}

void start(std::uint64_t number, void (*run)(std::uint64_t), std::uint64_t argument, std::uint64_t space) {
    abi::Registers& r = block().resume;
    r = {};
    r.rip = reinterpret_cast<std::uint64_t>(run);
    r.rsp = reinterpret_cast<std::uint64_t>(stacks[number]) + sizeof(stacks[number]) - 8;
    r.rdi = argument;
    if (kernel_call(abi::Call::kCreateThread, kBlocks + number * abi::kPageSize, 0, space) < 0) end(2);
}

// In the parent's space: counts, on a page that is copied again and again.
[[noreturn]] void count(std::uint64_t) {
    __atomic_fetch_add(&status().ready, 1, __ATOMIC_SEQ_CST);
    for (std::uint64_t n = 1; !stopped(); n++) {
        word(kCounted) = n;
        expect(word(kCounted) == n, 4);
    }
    for (;;) kernel_call(abi::Call::kExitThread, reinterpret_cast<std::uint64_t>(&common().counting));
}

void check_child(std::uint64_t mine, std::uint64_t counted) {
    for (std::uint64_t page = 0; page < kPages; page++) {
        expect(own(page) == mine, 5);
        // A page that the parent took away from all spaces, however this one looks at it.
        const std::uint64_t gone = __atomic_load_n(&common().oldest, __ATOMIC_SEQ_CST);
        const std::uint64_t seen = look(kShelf + page * abi::kPageSize);
        expect(seen == 0 || seen >= gone, 6);
    }
    expect(word(kCounted) == counted, 7);
    __atomic_fetch_add(&status().looks, 1, __ATOMIC_RELAXED);
}

// In a space of its own.
[[noreturn]] void live(std::uint64_t argument) {
    const std::uint64_t number = argument % kSpacesChildren, parents = argument / kSpacesChildren * 2;
    const std::uint64_t mine = ~argument, counted = word(kCounted);
    for (std::uint64_t page = 0; page < kPages; page++) {
        expect(own(page) == parents, 8);
        if (page != 3) own(page) = mine;
    }
    kernel_call(abi::Call::kProtect, kOwn, kPages, 0);
    kernel_call(abi::Call::kProtect, kOwn, kPages, kReadWrite);
    expect(own(3) == parents, 9);
    own(3) = mine;
    for (int i = 0; i < 8; i++) check_child(mine, counted);
    // On in a copy of its own space, which goes then.
    if (const std::uint64_t space = argument & 1 ? copy_space() : 0; space != 0) {
        expect(kernel_call(abi::Call::kEnterSpace, space) == 0, 10);
        for (int i = 0; i < 8; i++) check_child(mine, counted);
    }
    __atomic_fetch_add(reinterpret_cast<std::uint64_t*>(kJoint), 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&common().finished, 1, __ATOMIC_SEQ_CST);
    for (;;) kernel_call(abi::Call::kExitThread, reinterpret_cast<std::uint64_t>(&common().alive[number]));
}

// What a copy of many pages costs the kernel, before anything else happens.
void measure_copy() {
    constexpr std::uint64_t kMany = 0x7000'0000;
    kernel_call(abi::Call::kMap, kMany, tests::kSpacesPages, kReadWrite);
    for (std::uint64_t page = 0; page < tests::kSpacesPages; page++)
        word(kMany + page * abi::kPageSize) = page;
    const std::uint64_t begin = __builtin_ia32_rdtsc();
    const std::uint64_t space = copy_space();
    status().copy_ticks = __builtin_ia32_rdtsc() - begin;
    expect(space != 0 && kernel_call(abi::Call::kDropSpace, space) == 0, 14);
    kernel_call(abi::Call::kUnmap, kMany, tests::kSpacesPages);
}

void take_shelf_away(std::uint64_t round) {
    switch (round % 3) {
        case 0:
            kernel_call(abi::Call::kUnmap, kShelf, kPages);
            break;
        case 1:
            kernel_call(abi::Call::kDiscard, kShelf, kPages);
            break;
        default:
            kernel_call(abi::Call::kProtect, kShelf, kPages, 0);
    }
    __atomic_store_n(&common().oldest, round + 1, __ATOMIC_SEQ_CST);
}

void raise_children() {
    for (std::uint64_t round = 1; !stopped(); round++) {
        const std::uint64_t number = round % kSpacesChildren;
        while (__atomic_load_n(&common().alive[number], __ATOMIC_SEQ_CST) != 0)
            kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&common().alive[number]), 1);
        kernel_call(abi::Call::kMap, kShelf, kPages, kReadWrite);
        for (std::uint64_t page = 0; page < kPages; page++) {
            own(page) = 2 * round;
            word(kShelf + page * abi::kPageSize) = round;
        }
        const std::uint64_t space = copy_space();
        if (space == 0) {
            kernel_call(abi::Call::kYield);
        } else if (round % 8 == 7) {
            expect(kernel_call(abi::Call::kDropSpace, space) == 0, 11);
        } else {
            common().alive[number] = 1;
            start(number, live, round * kSpacesChildren + number, space);
        }
        for (std::uint64_t page = 0; page < kPages; page++) own(page) = 2 * round + 1;
        take_shelf_away(round);
        for (std::uint64_t page = 0; page < kPages; page++) expect(own(page) == 2 * round + 1, 12);
        status().rounds = static_cast<std::uint32_t>(round);
    }
}

}  // namespace

extern "C" {
[[noreturn]] void spaces_main() {
    kernel_call(abi::Call::kMap, kBlocks, kSpacesChildren + 1, kReadWrite);
    kernel_call(abi::Call::kMap, kHeap, 2, kReadWrite);
    kernel_call(abi::Call::kMap, kOwn, kPages, kReadWrite);
    kernel_call(abi::Call::kMap, kCounted, 1, kReadWrite);
    if (kernel_call(abi::Call::kShare, kHeap + abi::kPageSize, kJoint, 1, kReadWrite) != 1) end(3);
    measure_copy();
    common().counting = 1;
    start(kSpacesChildren, count, 0, 0);
    raise_children();
    const auto wait_for = [](std::uint32_t& alive) {
        while (__atomic_load_n(&alive, __ATOMIC_SEQ_CST) != 0)
            kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&alive), 1);
    };
    for (std::uint32_t& alive : common().alive) wait_for(alive);
    wait_for(common().counting);
    expect(word(kJoint) == common().finished, 13);
    end(42);
}
}

BARE_START(spaces_main);
BARE_EXCEPTION_ENTRY
