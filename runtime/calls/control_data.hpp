// Messages of sendmsg and recvmsg, and what travels beside their bytes (msg_control).
#pragma once

#include <sys/socket.h>

#include <vector>

#include "runtime/objects/local_socket.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {

// What struct ucred of <sys/socket.h> is under _GNU_SOURCE.
struct SenderCredentials {
    std::int32_t pid;
    std::uint32_t uid, gid;
};
SenderCredentials own_credentials();

// A message's header and the parts of its bytes, everything in memory that can be written. 0 or -errno.
std::int64_t get_message(Address from, msghdr& message, std::vector<iovec>& parts);

// What of a message's control data is to be sent along. Data of other levels than SOL_SOCKET
// is passed over. 0 or -errno.
std::int64_t get_control(const msghdr& message, Attachments& files);
// Whether there is any such data.
bool has_other_control(const msghdr& message);

// Control data for the program, as far as it has room.
class ControlWriter {
public:
    explicit ControlWriter(const msghdr& message)
        : begin_{reinterpret_cast<Address>(message.msg_control)},
          room_{message.msg_control != nullptr ? message.msg_controllen : 0} {}

    // Of SOL_SOCKET; cut at a multiple of `smallest`.
    std::int64_t add(int type, const void* data, std::size_t size, std::size_t smallest);
    // How many descriptors it could take.
    std::size_t room_for_files() const {
        return room_ - used_ < sizeof(cmsghdr) ? 0 : (room_ - used_ - sizeof(cmsghdr)) / sizeof(int);
    }
    void truncate() { truncated_ = true; }
    std::uint64_t used() const { return used_; }
    int flags() const { return truncated_ ? MSG_CTRUNC : 0; }

private:
    Address begin_;
    std::uint64_t room_, used_ = 0;
    bool truncated_ = false;
};

// Gives the process these files, as many as there is room for.
std::int64_t put_files(Attachments& files, bool close_on_exec, ControlWriter& control);

}  // namespace enclavisor::runtime
