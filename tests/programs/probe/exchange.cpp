// Instances that share memory and take it back. A maker grants an object to its
// peer, revokes it after a while, and then writes poison into its pages: whoever
// reads the poison has read a page after it was revoked.
#include "tests/programs/probe/exchange.hpp"

#include "tests/programs/probe/bare.hpp"

namespace {

using namespace enclavisor;
using namespace tests::bare;
using tests::ExchangeRole;
using tests::ExchangeSlot;

constexpr std::uint64_t kPages = 4;
constexpr std::uint64_t kAt = 0x6000'0000;
constexpr std::uint64_t kPoison = 0xdead'0000'dead'0000;

volatile std::uint64_t& word(std::uint64_t page) {
    return *reinterpret_cast<volatile std::uint64_t*>(kAt + page * abi::kPageSize);
}

void pause_a_while(std::uint64_t& random) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    for (std::uint64_t i = random % 3000; i > 0; i--) asm volatile("pause");
}

void fill(std::uint64_t value) {
    for (std::uint64_t i = 0; i < kPages; i++) word(i) = value;
}

void make(volatile ExchangeSlot& slot, std::uint64_t random) {
    while (slot.stop == 0) {
        const std::int64_t object = kernel_call(abi::Call::kCreateObject, kPages);
        if (object < 0) end(3);
        const auto handle = static_cast<std::uint64_t>(object);
        if (kernel_call(abi::Call::kMapObject, handle, kAt, abi::kRead | abi::kWrite) < 0) end(4);
        for (int round = 0; round < 4 && slot.stop == 0; round++) {
            fill(1);
            if (kernel_call(abi::Call::kGrantObject, handle, abi::kRead, slot.peer) != 0) end(5);
            slot.object = handle;
            pause_a_while(random);
            if (kernel_call(abi::Call::kRevokeObject, handle, 0) != 0) end(6);
            fill(kPoison);
            slot.rounds = slot.rounds + 1;
            pause_a_while(random);
        }
        if (kernel_call(abi::Call::kCloseObject, handle) != 0) end(7);
    }
}

void read(volatile ExchangeSlot& slot, std::uint64_t random) {
    while (slot.stop == 0) {
        const std::int64_t mapped = kernel_call(abi::Call::kMapObject, slot.object, kAt, abi::kRead);
        if (mapped < 0) {
            kernel_call(abi::Call::kYield);
            continue;
        }
        slot.rounds = slot.rounds + 1;
        for (std::uint64_t i = 0; i < 400; i++) {
            const std::uint64_t value = look(kAt + i % kPages * abi::kPageSize);
            if (value == 0) break;  // revoked
            if (value == kPoison) slot.stale = slot.stale + 1;
        }
        pause_a_while(random);
        kernel_call(abi::Call::kUnmap, kAt, kPages);
    }
}

}  // namespace

extern "C" [[noreturn]] void exchange_main() {
    const std::uint64_t window = block().io_address;
    const Instance instance = freeze();
    auto& slot = *reinterpret_cast<volatile ExchangeSlot*>(window + instance.slot);
    while (slot.role == 0) kernel_call(abi::Call::kWaitIo, 0, 0, instance.slot, abi::kWaitQuiet);
    if (slot.role == static_cast<std::uint32_t>(ExchangeRole::kMaker)) {
        make(slot, instance.random | 1);
    } else {
        read(slot, instance.random | 1);
    }
    end(42);
}

BARE_START(exchange_main);
BARE_EXCEPTION_ENTRY
