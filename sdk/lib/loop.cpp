#include "sdk/lib/loop.hpp"

#include "sdk/include/enclavisor/entry.hpp"
#include "sdk/include/enclavisor/function.hpp"
#include "sdk/include/enclavisor/kernel_call.hpp"

extern "C" const enclavisor::sdk::Entry enclavisor_entries[];
extern "C" const enclavisor::sdk::Entry enclavisor_entries_end[];

namespace enclavisor::sdk {
namespace {

void set_waits(abi::EnclaveWaits waits) {
    base::store_shared(state.slot->enclave_waits, static_cast<std::uint32_t>(waits));
}

bool take_call() {
    Request request;
    switch (state.in.look(request)) {
        case base::Look::kNothing:
            return false;
        case base::Look::kBroken:
            host_broke(kRuleCallIn);
        case base::Look::kFound:
            break;
    }
    if (request.function >= static_cast<std::size_t>(enclavisor_entries_end - enclavisor_entries)) {
        detail::answer(request.id, abi::CallStatus::kUnknownFunction, 0);
    } else {
        enclavisor_entries[request.function].invoke(request);
    }
    return true;
}

// Coroutines whose answer is there.
bool resume_ready() {
    if (state.ready.empty()) return false;
    while (detail::PendingCall* call = state.ready.pop_front()) call->waiter().resume();
    return true;
}

}  // namespace

void host_broke(int rule) {
    end_enclave(abi::EndReason::kHostProtocol, static_cast<std::uint64_t>(rule));
}

void take_slot(std::uint64_t offset) {
    const abi::ThreadBlock& block = thread_block();
    const std::uint64_t size = std::uint64_t{state.slot_pages} * abi::kPageSize;
    if (offset > block.io_size || size > block.io_size - offset) panic("the I/O window is too small");
    auto* slot = reinterpret_cast<std::byte*>(block.io_address + offset);
    state.slot = reinterpret_cast<abi::CallSlot*>(slot);
    state.slot_offset = offset;
    state.in = base::CallReceiver{base::calls_in(slot, state.slot_pages)};
    state.out = base::CallSender{base::calls_out(slot, state.slot_pages)};
}

bool take_answer() {
    base::CallSender::Done done;
    switch (state.out.look(done)) {
        case base::Look::kNothing:
            return false;
        case base::Look::kBroken:
            host_broke(kRuleAnswer);
        case base::Look::kFound:
            break;
    }
    detail::PendingCall* call = state.pending[done.ticket];
    state.pending[done.ticket] = nullptr;
    if (call != nullptr) call->answered(done);
    state.out.release(done.ticket);
    return true;
}

bool submit_queued() {
    bool any = false;
    while (!state.queued.empty() && state.queued.first()->try_submit()) any = true;
    return any;
}

void wake_host() {
    base::full_fence();
    if (base::load_shared(state.slot->host_waits) == 0) return;
    base::store_shared(state.slot->host_waits, 0);
    kernel_call(abi::Call::kDoorbell);
}

void wait_for_host(bool calls_wanted) {
    const auto anything = [calls_wanted] {
        return (calls_wanted && state.in.anything()) || state.out.anything();
    };
    std::uint32_t rounds = base::load_shared(state.slot->spin);
    if (rounds > abi::kMaxSpin) rounds = abi::kMaxSpin;
    for (std::uint32_t i = 0; i < rounds; i++) {
        if (anything()) return;
        __builtin_ia32_pause();
    }
    const std::uint32_t seen = base::load_shared(state.slot->events);
    // Calls may come at any time, and from a host that has many instances; an answer
    // is waited for by one that is at work.
    const bool quiet = calls_wanted && state.out.under_way() == 0;
    set_waits(quiet ? abi::EnclaveWaits::kQuietly : abi::EnclaveWaits::kForDoorbell);
    base::full_fence();
    if (!anything()) {
        kernel_call(abi::Call::kWaitIo, seen, 0, state.slot_offset + offsetof(abi::CallSlot, events),
                    quiet ? abi::kWaitQuiet : 0);
    }
    set_waits(abi::EnclaveWaits::kAwake);
}

void serve() {
    for (;;) {
        bool any = take_call();
        if (state.out.under_way() != 0 || !state.ready.empty()) {
            while (take_answer()) any = true;
            any |= resume_ready();
            any |= submit_queued();
        }
        if (!any) wait_for_host(true);
    }
}

namespace detail {

void answer(std::uint32_t id, abi::CallStatus status, std::size_t size) {
    state.in.complete(id, status, static_cast<std::uint32_t>(size));
    wake_host();
}

}  // namespace detail
}  // namespace enclavisor::sdk
