#include "sdk/include/enclavisor/function.hpp"
#include "sdk/include/enclavisor/kernel_call.hpp"
#include "sdk/lib/loop.hpp"
#include "sdk/lib/offsets.hpp"

extern "C" {
using Constructor = void (*)();
extern const Constructor enclavisor_constructors[];
extern const Constructor enclavisor_constructors_end[];

std::int64_t enclavisor_freeze(enclavisor::sdk::Birth* birth, std::uint64_t io_window);

[[gnu::weak]] void enclavisor_main() {}
}

namespace enclavisor::sdk {

[[gnu::section(".enclavisor_state")]] constinit State state{};

namespace {

// #UD, as of a trap instruction.
constexpr std::uint64_t kPanicVector = 6;

}  // namespace

void ready() {
    if (state.in.under_way() != 0 || state.out.under_way() != 0 || !state.queued.empty()) {
        panic("ready(): a call is under way");
    }
    state.frozen = true;
    Birth birth;
    if (enclavisor_freeze(&birth, thread_block().io_address) != 0) {
        panic("ready(): a memory object is made or mapped, or another thread runs");
    }
    state.instance = birth.handle;
    state.generation++;
    for (int i = 0; i < 4; i++) state.seed[i] = birth.seed[i];
    state.seed_waits = true;
    take_slot(birth.offset);
}

std::uint64_t instance() {
    return state.instance;
}
std::uint64_t generation() {
    return state.generation;
}

void panic(const char* message) {
    std::uint32_t size = 0;
    if (state.slot != nullptr) {
        // Into the area for calls out: whatever lies there, nobody will answer it.
        const auto area = base::calls_out(reinterpret_cast<std::byte*>(state.slot), state.slot_pages);
        for (; message[size] != 0 && size < area.area_size; size++) {
            area.area[size] = static_cast<std::byte>(message[size]);
        }
        base::store_shared(state.slot->last_words, size);
    }
    end_enclave(abi::EndReason::kFault, kPanicVector, 0,
                reinterpret_cast<std::uint64_t>(__builtin_return_address(0)));
}

void exit(std::uint64_t code) {
    end_enclave(abi::EndReason::kExited, code);
}

}  // namespace enclavisor::sdk

extern "C" [[noreturn]] void enclavisor_function_begin() {
    using namespace enclavisor;
    const abi::ThreadBlock& block = sdk::thread_block();
    auto* first = reinterpret_cast<abi::CallSlot*>(block.io_address);
    // The host's word: a wrong one makes slots overlap, in memory that is the host's anyway.
    std::uint32_t pages = base::load_shared(first->pages);
    if (pages == 0 || pages > abi::kMaxSlotPages) pages = 1;
    sdk::state.slot_pages = pages;
    sdk::state.instance = block.instance;
    sdk::take_slot(0);
    for (const Constructor* make = enclavisor_constructors; make != enclavisor_constructors_end; make++) {
        (*make)();
    }
    enclavisor_main();
    if (!sdk::state.frozen) sdk::ready();
    sdk::serve();
}
