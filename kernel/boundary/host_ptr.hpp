// A pointer into memory that the host can change at any time. There is no
// dereference: a value is copied out once, whole, and what is checked is the
// copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace enclavisor::kernel {

template <typename T>
class HostPtr {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0);

public:
    explicit HostPtr(std::uint64_t address) : address_{address} {}

    T read() const {
        T copy;
        auto* to = reinterpret_cast<Word*>(&copy);
        const auto* from = reinterpret_cast<const volatile Word*>(address_);
        for (std::size_t i = 0; i < sizeof(T) / 4; i++) to[i] = from[i];
        return copy;
    }
    void write(const T& value) const {
        const auto* from = reinterpret_cast<const Word*>(&value);
        auto* to = reinterpret_cast<volatile Word*>(address_);
        for (std::size_t i = 0; i < sizeof(T) / 4; i++) to[i] = from[i];
    }

    // A member of T, by its offset.
    template <typename M>
    HostPtr<M> member(std::size_t offset) const {
        return HostPtr<M>{address_ + offset};
    }
    HostPtr element(std::size_t index) const { return HostPtr{address_ + index * sizeof(T)}; }

private:
    using Word [[gnu::may_alias]] = std::uint32_t;

    std::uint64_t address_;
};

// Orders our stores before our loads, against a peer that does the same.
inline void fence() {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
// Orders stores: what a peer sees published is complete.
inline void publish_fence() {
    __atomic_thread_fence(__ATOMIC_RELEASE);
}
inline void acquire_fence() {
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

}  // namespace enclavisor::kernel
