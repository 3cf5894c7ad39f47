// Small messages with descriptors over a UNIX socket.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"

namespace enclavisor::host {

inline constexpr std::size_t kMaxMessageFds = 8;

// Two connected sockets of `type`, SOCK_STREAM or SOCK_SEQPACKET.
Result<std::pair<Fd, Fd>> socket_pair(int type);

// False if the other end is gone or refuses.
bool send_message(int socket, std::span<const std::byte> bytes, std::span<const int> fds = {});

// Exactly `bytes` and the descriptors that came with them (close-on-exec). Absent: the
// other end is gone, or sent something else.
std::optional<std::vector<Fd>> receive_message(int socket, std::span<std::byte> bytes);

}  // namespace enclavisor::host
