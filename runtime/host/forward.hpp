// Forwarding of Linux calls by the table (abi/host/forwarded_calls.hpp). The
// arguments are those of the Linux call: numbers as they are, pointers as
// addresses, of the program or of the runtime.
#pragma once

#include <array>
#include <cstdint>

#include "abi/host/forwarded_calls.hpp"
#include "runtime/host/io_channel.hpp"

namespace enclavisor::runtime {

using Arguments = std::array<std::uint64_t, 6>;

class Forwarder {
public:
    explicit Forwarder(IoChannel& channel, Patience patience = {})
        : channel_{&channel}, patience_{patience} {}

    // The checked result: within what the row allows, or -errno. Outputs are
    // copied only after the check and only as far as the result says. -EFAULT if
    // an address is bad, -EINVAL if the buffers do not fit.
    std::int64_t operator()(abi::ForwardedCall call, const Arguments& arguments);

private:
    std::int64_t run(const abi::CallSpec& spec, const Arguments& arguments);
    std::int64_t place(const abi::CallSpec& spec, const Arguments& arguments, abi::SubmissionEntry& entry);
    bool fetch(const abi::CallSpec& spec, const Arguments& arguments, const abi::SubmissionEntry& entry,
               std::int64_t result);

    IoChannel* channel_;
    Patience patience_;
};

// Whether the row allows the result. Pure; used on every answer.
bool result_allowed(const abi::CallSpec& spec, const Arguments& arguments, std::int64_t result);

}  // namespace enclavisor::runtime
