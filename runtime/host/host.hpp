// The enclave's one way to its host, for all who need it.
#pragma once

#include <cstdint>
#include <type_traits>

#include "runtime/host/forward.hpp"

namespace enclavisor::runtime {

// Set once at the start.
extern Forwarder* host_forwarder;

// Forwards a call with the arguments of its Linux form; pointers may be given
// as pointers. See Forwarder for the result.
template <typename... Values>
std::int64_t forward(abi::ForwardedCall call, Values... values) {
    [[maybe_unused]] auto number = [](auto value) -> std::uint64_t {
        if constexpr (std::is_pointer_v<decltype(value)>) {
            return reinterpret_cast<std::uint64_t>(value);
        } else {
            return static_cast<std::uint64_t>(value);
        }
    };
    return (*host_forwarder)(call, Arguments{number(values)...});
}

}  // namespace enclavisor::runtime
