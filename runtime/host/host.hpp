// The enclave's one way to its host, for all who need it.
#pragma once

#include <cstdint>
#include <type_traits>

#include "abi/enclave/calls.hpp"
#include "runtime/host/area_pool.hpp"
#include "runtime/host/forward.hpp"

namespace enclavisor::runtime {

void start_host(abi::ThreadBlock& block);
[[noreturn]] void host_broke(int rule);

// What one buffer of the next call can carry at most.
std::uint64_t most_transfer();
// Of the first area.
std::byte* host_start_data();

std::int64_t forward_call(abi::ForwardedCall call, const Arguments& arguments);

// Forwards a call with the arguments of its Linux form; pointers may be given
// as pointers. See Forwarder for the result. The runtime's lock is held, and
// released meanwhile. A call that may block for long is cut short when a signal
// comes: restart_call()'s result then, or -EINTR for kPoll.
template <typename... Values>
std::int64_t forward(abi::ForwardedCall call, Values... values) {
    [[maybe_unused]] auto number = [](auto value) -> std::uint64_t {
        if constexpr (std::is_pointer_v<decltype(value)>) {
            return reinterpret_cast<std::uint64_t>(value);
        } else {
            return static_cast<std::uint64_t>(value);
        }
    };
    return forward_call(call, Arguments{number(values)...});
}

}  // namespace enclavisor::runtime
