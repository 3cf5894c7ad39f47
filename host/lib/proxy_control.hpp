// What libenclavisor asks of a proxy over their socket: to fork along with its
// enclave, so that the instance's proxy has the same descriptors and directory.
#pragma once

#include <cstdint>

namespace enclavisor::host {

// Comes with the descriptors link, the child's own control socket, and those of
// standard input, output and error that are bits of `standard`, in this order.
struct ProxyForkRequest {
    std::uint64_t area;      // offset of the instance's I/O window in the link
    std::uint32_t standard;  // bit n: descriptor n is replaced
    std::uint32_t reserved;
};

struct ProxyForkReply {
    std::int32_t pid;  // of the new proxy, or -errno
};

}  // namespace enclavisor::host
