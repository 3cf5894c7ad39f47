// Result<T, E>: a value or an error that must be looked at, and TRY, which
// hands the error on. Freestanding; no exceptions.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

namespace enclavisor::base {

template <typename E>
struct Failure {
    E error;
};
template <typename E>
Failure(E) -> Failure<E>;

template <typename T, typename E>
class [[nodiscard]] Result {
public:
    using Value = T;
    using Error = E;

    Result(T value) : ok_{true} { new (&storage_.value) T(std::move(value)); }
    template <typename F>
    requires std::is_constructible_v<E, F> Result(Failure<F> failure) : ok_{false} {
        new (&storage_.error) E(std::move(failure.error));
    }
    Result(Result&& other) noexcept : ok_{other.ok_} {
        if (ok_) {
            new (&storage_.value) T(std::move(other.storage_.value));
        } else {
            new (&storage_.error) E(std::move(other.storage_.error));
        }
    }
    Result(const Result&) = delete;
    Result& operator=(const Result&) = delete;
    Result& operator=(Result&&) = delete;
    ~Result() {
        if (ok_) {
            storage_.value.~T();
        } else {
            storage_.error.~E();
        }
    }

    explicit operator bool() const { return ok_; }
    bool ok() const { return ok_; }
    // Precondition: ok().
    T& value() { return storage_.value; }
    const T& value() const { return storage_.value; }
    T take() { return std::move(storage_.value); }
    T* operator->() { return &storage_.value; }
    T& operator*() { return storage_.value; }
    // Precondition: !ok().
    const E& error() const { return storage_.error; }
    E take_error() { return std::move(storage_.error); }

private:
    union Storage {
        Storage() {}
        ~Storage() {}
        T value;
        E error;
    } storage_;
    bool ok_;
};

template <typename E>
class [[nodiscard]] Result<void, E> {
public:
    using Value = void;
    using Error = E;

    Result() : ok_{true}, error_{} {}
    template <typename F>
    requires std::is_constructible_v<E, F> Result(Failure<F> failure)
        : ok_{false}, error_{std::move(failure.error)} {}

    explicit operator bool() const { return ok_; }
    bool ok() const { return ok_; }
    void take() {}
    const E& error() const { return error_; }
    E take_error() { return std::move(error_); }

private:
    bool ok_;
    E error_;
};

}  // namespace enclavisor::base

// The value of `expression`, or return its error from the enclosing function.
// A statement expression (GCC, Clang), so that it can stand inside others.
#define TRY(expression)                                                   \
    ({                                                                    \
        auto try_result_ = (expression);                                  \
        if (!try_result_.ok()) {                                          \
            return ::enclavisor::base::Failure{try_result_.take_error()}; \
        }                                                                 \
        try_result_.take();                                               \
    })
