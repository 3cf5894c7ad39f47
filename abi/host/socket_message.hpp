// What travels beside the bytes of a message over a socket of the host (sendmsg, recvmsg):
// an address and descriptors, which are the host's.
#pragma once

#include <cstdint>
#include <type_traits>

namespace enclavisor::abi {

inline constexpr std::uint32_t kMaxSocketAddress = 128;  // struct sockaddr_storage
inline constexpr std::int32_t kMostSentFiles = 253;      // SCM_MAX_FD

struct SocketMessage {
    std::uint32_t address_size;  // 0: there is none
    std::int32_t flags;          // of a received one: msg_flags
    std::int32_t count;          // of `files`; asked of the host: how many may come
    std::uint8_t address[kMaxSocketAddress];
    std::int32_t files[kMostSentFiles];
};
static_assert(sizeof(SocketMessage) == 1152 && std::is_trivially_copyable_v<SocketMessage>);

}  // namespace enclavisor::abi
