// Performs forwarded calls with ordinary system calls, guided by the table
// (abi/host/forwarded_calls.hpp). Submissions come from an enclave, which its
// owner trusts and the proxy does not: it may do what the proxy's user may,
// and nothing to the proxy itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/host/forwarded_calls.hpp"
#include "abi/host/io_area.hpp"

namespace enclavisor::host {

using SystemCallArguments = std::array<std::uint64_t, 6>;
// A result >= 0, or -errno.
using SystemCall = std::int64_t (*)(int number, const SystemCallArguments& arguments);

std::int64_t linux_system_call(int number, const SystemCallArguments& arguments);

class Executor {
public:
    // `own_fds` are refused with EBADF.
    explicit Executor(std::vector<int> own_fds, SystemCall call = linux_system_call)
        : own_fds_{std::move(own_fds)}, call_{call} {}

    // The descriptor that stands for the list of trusted files' hashes (kHashes).
    void serve_hashes(int fd) { hashes_ = fd; }

    // `data` is shared with the enclave and may change at any time. The result is
    // what the call returned, -ENOSYS for a call that is not in the table, -EFAULT
    // for a buffer that is not inside `data`.
    std::int64_t execute(const abi::SubmissionEntry& entry, std::span<std::byte> data);

private:
    struct Bounce;
    bool is_own(std::uint64_t fd) const;
    std::int64_t prepare(const abi::CallSpec& spec, const abi::SubmissionEntry& entry, std::size_t index,
                         std::span<std::byte> data, std::vector<Bounce>& bounces,
                         SystemCallArguments& arguments);
    // sendmsg and recvmsg, whose struct msghdr is made here.
    std::int64_t send_message(const SystemCallArguments& arguments);
    std::int64_t receive_message(const SystemCallArguments& arguments);
    void hide_own_fds(std::span<std::byte> poll_list) const;

    std::vector<int> own_fds_;
    SystemCall call_;
    int hashes_ = -1;
};

}  // namespace enclavisor::host
