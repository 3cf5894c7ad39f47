// Storage for what lives as long as the enclave: never destroyed.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace enclavisor::runtime {

template <typename T>
class Lasting {
public:
    template <typename... Arguments>
    T& create(Arguments&&... arguments) {
        return *new (bytes_) T(std::forward<Arguments>(arguments)...);
    }
    T& get() { return *std::launder(reinterpret_cast<T*>(bytes_)); }

private:
    alignas(T) std::byte bytes_[sizeof(T)];
};

}  // namespace enclavisor::runtime
