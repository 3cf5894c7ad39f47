// Calls out: what a function asks of its host application, by number.
//
//   const auto sum = sdk::call_out<int>(kSum, 1, 2);               // waits
//   auto first = sdk::call_async<int>(kSum, 1, 2);                 // under way
//   auto second = sdk::call_async<int>(kSum, 3, 4);
//   const int both = (co_await second).value() + (co_await first).value();  // in a Task
//
// Arguments are what base/call_codec.hpp can carry, and go to the host in clear. The
// answer is the host's: of the right size, otherwise anything at all. An Outcome is the
// answer, or a CallStatus that says why there is none.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "base/call_codec.hpp"
#include "base/call_ring.hpp"
#include "base/list.hpp"
#include "base/result.hpp"
#include "sdk/include/enclavisor/buffer.hpp"

namespace enclavisor::sdk {

template <typename R>
using Outcome = base::Result<R, abi::CallStatus>;

namespace detail {

// A call out, from its making to its answer. It is where it was made: not to be moved.
class PendingCall {
public:
    PendingCall(const PendingCall&) = delete;

    // Sleeps until the answer is there; calls of the host wait meanwhile.
    void wait();

    bool await_ready() const { return done_; }
    void await_suspend(std::coroutine_handle<> waiter) { waiter_ = waiter; }

    // By the loop (loop.cpp).
    void answered(const base::CallSender::Done& done);
    bool try_submit();
    std::coroutine_handle<> waiter() { return waiter_; }
    base::ListLink<PendingCall> queue;  // of those that wait for room, or to be resumed

protected:
    PendingCall(std::uint32_t function, std::size_t size, std::size_t room);
    ~PendingCall();
    // Where to encode the arguments; then send(). Null: the call is too large, and done.
    std::byte* arguments();
    void send();
    // Copies the result, `size` bytes, out of shared memory; false: not of a size that it can have.
    virtual bool take(base::CallSender::Ticket ticket, std::uint32_t size) = 0;
    static void copy(base::CallSender::Ticket ticket, std::span<std::byte> to);

    abi::CallStatus status_ = abi::CallStatus::kFailed;

private:
    enum class Where : std::uint8_t { kNowhere, kQueued, kInRing };
    Where where_ = Where::kNowhere;
    bool done_ = false;
    std::uint32_t function_, size_, capacity_;
    base::CallSender::Ticket ticket_ = 0;
    Buffer queued_;  // the arguments, while there is no room in the ring
    std::coroutine_handle<> waiter_;
};

using PendingCalls = base::List<PendingCall, &PendingCall::queue>;

template <typename R>
struct Answer {
    R value{};
    bool take_size(std::uint32_t size) { return size == sizeof(R); }
    std::span<std::byte> bytes() { return {reinterpret_cast<std::byte*>(&value), sizeof(R)}; }
    Outcome<R> outcome() { return Outcome<R>{value}; }
};
template <>
struct Answer<Buffer> {
    Buffer value;
    bool take_size(std::uint32_t size) {
        value = Buffer{size};
        return true;
    }
    std::span<std::byte> bytes() { return value; }
    Outcome<Buffer> outcome() { return Outcome<Buffer>{std::move(value)}; }
};
template <>
struct Answer<void> {
    bool take_size(std::uint32_t size) { return size == 0; }
    std::span<std::byte> bytes() { return {}; }
    Outcome<void> outcome() { return {}; }
};

}  // namespace detail

template <typename R>
class [[nodiscard]] CallOut final : public detail::PendingCall {
public:
    template <typename... A>
    explicit CallOut(std::uint32_t function, std::size_t room, const A&... arguments)
        : PendingCall{function, (std::size_t{0} + ... + base::encoded_size(arguments)), room} {
        if (std::byte* to = this->arguments()) {
            ((to = base::encode(to, arguments)), ...);
            send();
        }
    }

    Outcome<R> await_resume() {
        if (status_ != abi::CallStatus::kOk) return base::Failure{status_};
        return answer_.outcome();
    }
    Outcome<R> get() {
        wait();
        return await_resume();
    }

private:
    bool take(base::CallSender::Ticket ticket, std::uint32_t size) override {
        if (!answer_.take_size(size)) return false;
        copy(ticket, answer_.bytes());
        return true;
    }
    detail::Answer<R> answer_;
};

// Under way when this returns, or queued while abi::kCallDepth others are. A CallOut
// that goes away before its answer is forgotten; the host performs it all the same.
template <typename R, typename... A>
CallOut<R> call_async(std::uint32_t function, const A&... arguments) {
    return CallOut<R>{function, base::room_of<R>(), arguments...};
}
// The answer is at most `room` bytes.
template <typename... A>
CallOut<Buffer> call_async_bytes(std::uint32_t function, std::size_t room, const A&... arguments) {
    return CallOut<Buffer>{function, room, arguments...};
}
template <typename R, typename... A>
Outcome<R> call_out(std::uint32_t function, const A&... arguments) {
    return call_async<R>(function, arguments...).get();
}
template <typename... A>
Outcome<Buffer> call_out_bytes(std::uint32_t function, std::size_t room, const A&... arguments) {
    return call_async_bytes(function, room, arguments...).get();
}

}  // namespace enclavisor::sdk
