// What libenclavisor asks of a proxy over their socket.
#pragma once

#include <cstddef>
#include <cstdint>

namespace enclavisor::host {

// Of a process that the enclave is asked for: the channel, and its three streams.
inline constexpr std::size_t kExecutionFds = 4;

enum class ProxyOperation : std::uint32_t {
    // To fork along with the enclave, so that the instance's proxy has the same descriptors and
    // directory. Comes with the descriptors link, the child's own control socket, and those of standard
    // input, output and error that are bits of `standard`, in this order.
    kFork,
    // To have the kExecutionFds descriptors that come with it; the reply says their numbers.
    kTake,
    // To close `fds`: the enclave did not want them.
    kClose,
};

struct ProxyRequest {
    ProxyOperation operation{};
    std::uint32_t standard = 0;  // kFork: bit n: descriptor n is replaced
    std::uint64_t area = 0;      // kFork: offset of the instance's I/O window in the link
    std::int32_t fds[kExecutionFds]{};
};

struct ProxyReply {
    std::int32_t result = 0;  // kFork: the new proxy's pid; -errno
    std::int32_t fds[kExecutionFds]{};
};

}  // namespace enclavisor::host
