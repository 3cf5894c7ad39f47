// Processes in a running enclave that its host asks for (abi/host/execution.hpp).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "abi/host/execution.hpp"
#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"

namespace enclavisor::host {

// What the enclave reads of it; an error if it is too long.
Result<std::vector<std::byte>> execution_request(const std::vector<std::string>& words,
                                                 std::span<const std::int32_t> standard);

// One that the enclave has taken. Who lets go of it does not hear of its end; it goes on.
class Execution {
public:
    Execution(Fd socket, std::int32_t channel, std::string program)
        : socket_{std::move(socket)}, channel_{channel}, program_{std::move(program)} {}

    // Readable when it has ended, or the enclave has.
    int fd() const { return socket_.get(); }
    std::int32_t channel() const { return channel_; }
    // When fd() is readable: its exit status as a shell would have it. Errors: it could not be begun
    // (126, 127), or the enclave ended.
    Result<int> ended() const;

private:
    Fd socket_;
    std::int32_t channel_;  // the proxy's number
    std::string program_;
};

}  // namespace enclavisor::host
