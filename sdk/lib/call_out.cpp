#include "sdk/include/enclavisor/call_out.hpp"

#include "sdk/include/enclavisor/function.hpp"
#include "sdk/lib/loop.hpp"

namespace enclavisor::sdk::detail {

PendingCall::PendingCall(std::uint32_t function, std::size_t size, std::size_t room)
    : function_{function},
      size_{static_cast<std::uint32_t>(size)},
      capacity_{static_cast<std::uint32_t>(size > room ? size : room)} {
    if (size > abi::call_area_size(state.slot_pages) || room > abi::call_area_size(state.slot_pages)) {
        status_ = abi::CallStatus::kNoRoom;
        done_ = true;
    }
}

PendingCall::~PendingCall() {
    if (where_ == Where::kInRing) state.pending[ticket_] = nullptr;
    if (!queue.linked) return;
    // Answered, then: its coroutine is ended by its owner before it was resumed.
    (where_ == Where::kQueued ? state.queued : state.ready).remove(this);
}

std::byte* PendingCall::arguments() {
    if (done_) return nullptr;
    if (state.queued.empty()) {
        if (const auto ticket = state.out.reserve(capacity_)) {
            ticket_ = *ticket;
            where_ = Where::kInRing;
            return state.out.buffer(ticket_).data();
        }
    }
    queued_ = Buffer{size_};
    where_ = Where::kQueued;
    return queued_.data() != nullptr ? queued_.data() : reinterpret_cast<std::byte*>(this);
}

void PendingCall::send() {
    if (where_ == Where::kQueued) return state.queued.push_back(this);
    state.pending[ticket_] = this;
    state.out.submit(ticket_, function_, size_);
    wake_host();
}

bool PendingCall::try_submit() {
    const auto ticket = state.out.reserve(capacity_);
    if (!ticket) return false;
    state.queued.remove(this);
    ticket_ = *ticket;
    where_ = Where::kInRing;
    if (size_ != 0) __builtin_memcpy(state.out.buffer(ticket_).data(), queued_.data(), size_);
    queued_ = Buffer{};
    send();
    return true;
}

void PendingCall::answered(const base::CallSender::Done& done) {
    where_ = Where::kNowhere;
    done_ = true;
    status_ = done.status;
    if (status_ == abi::CallStatus::kOk && !take(done.ticket, done.size)) {
        status_ = abi::CallStatus::kBadArguments;
    }
    if (waiter_) state.ready.push_back(this);
}

void PendingCall::wait() {
    while (!done_) {
        if (take_answer()) {
            submit_queued();
        } else {
            wait_for_host(false);
        }
    }
}

void PendingCall::copy(base::CallSender::Ticket ticket, std::span<std::byte> to) {
    state.out.copy_result(ticket, to);
}

}  // namespace enclavisor::sdk::detail
