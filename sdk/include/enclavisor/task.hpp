// Entry points that wait for answers of the host without stopping the enclave:
// coroutines. They run on the enclave's one thread, each until it waits.
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

#include "sdk/include/enclavisor/entry.hpp"

namespace enclavisor::sdk {
namespace detail {

struct PromiseBase {
    std::coroutine_handle<> continuation;  // who awaits this task
    // If an entry point returned it: the call that it answers, and its arguments' copy.
    bool is_root = false;
    std::uint32_t id = 0;
    std::span<std::byte> buffer;
    void* copy = nullptr;
    void (*free_copy)(void*) = nullptr;

    std::suspend_never initial_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { __builtin_trap(); }
};

struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
        Promise& promise = self.promise();
        if (promise.continuation) return promise.continuation;
        if (promise.is_root) {
            promise.answer_call();
            self.destroy();
        }
        return std::noop_coroutine();
    }
    void await_resume() noexcept {}
};

template <typename R>
struct Promise : PromiseBase {
    std::optional<R> value;
    void return_value(R result) { value.emplace(std::move(result)); }
    void answer_call() {
        answer_with(id, buffer, *value);
        free_copy(copy);
    }
    R result() { return std::move(*value); }
};
template <>
struct Promise<void> : PromiseBase {
    void return_void() {}
    void answer_call() {
        answer(id, abi::CallStatus::kOk, 0);
        free_copy(copy);
    }
    void result() {}
};

}  // namespace detail

// Begins at once. Awaited once, by another task, or returned by an entry point. One
// that goes away before its end is ended where it waits.
template <typename R>
class [[nodiscard]] Task {
public:
    struct promise_type : detail::Promise<R> {  // NOLINT: the language's name
        Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        detail::FinalAwaiter final_suspend() noexcept { return {}; }
    };

    Task(Task&& other) noexcept : self_{std::exchange(other.self_, nullptr)} {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (self_) self_.destroy();
    }

    bool await_ready() const { return self_.done(); }
    void await_suspend(std::coroutine_handle<> waiter) { self_.promise().continuation = waiter; }
    R await_resume() { return self_.promise().result(); }

    // By the entry point's invoker: the task's result answers `request`; then
    // free_copy(copy).
    void answers(const Request& request, void* copy, void (*free_copy)(void*)) && {
        promise_type& promise = self_.promise();
        promise.id = request.id;
        promise.buffer = request.buffer;
        promise.copy = copy;
        promise.free_copy = free_copy;
        if (self_.done()) return promise.answer_call();
        promise.is_root = true;
        self_ = nullptr;
    }

private:
    explicit Task(std::coroutine_handle<promise_type> self) : self_{self} {}
    std::coroutine_handle<promise_type> self_;
};

}  // namespace enclavisor::sdk
