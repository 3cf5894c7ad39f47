// The enclave's one way to its host, for all who need it.
#pragma once

#include <cstdint>
#include <type_traits>

#include "abi/enclave/calls.hpp"
#include "runtime/config/start_info.hpp"
#include "runtime/host/forward.hpp"

namespace enclavisor::runtime {

void start_host(abi::ThreadBlock& block);
[[noreturn]] void host_broke(int rule);

// What one buffer of the next call can carry at most.
std::uint64_t most_transfer();
// The host's start information, from the first area, copied and checked. Ends the
// enclave if there is none.
Start read_start();
// In an instance: its I/O window is new.
void restart_host();

std::int64_t forward_call(abi::ForwardedCall call, const Arguments& arguments);

// Forwards a call with the arguments of its Linux form; pointers may be given
// as pointers. See Forwarder for the result. The runtime's lock is held, and
// released meanwhile. A call that may block for long is cut short when a signal
// comes: restart_call()'s result then, or -EINTR for kPoll and kEpollWait.
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
