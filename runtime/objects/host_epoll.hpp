// The host's epoll, where an epoll of the enclave has the host's files watched: so edges
// are the host's to tell, and a wait does not name them all.
#pragma once

#include <cstdint>

namespace enclavisor::runtime {

// As the Linux calls; the lock is released meanwhile.
std::int64_t host_epoll_create();
std::int64_t host_epoll_control(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t token);
// Another descriptor for the same file, under which it is watched once more.
std::int64_t host_epoll_duplicate(int fd);
// Of an epoll, or of such a descriptor.
void host_epoll_close(int fd);

// Differs in every instance of a template. The host's epolls of its origin are shared with
// all other instances, so each makes its own.
std::uint64_t instance_generation();

}  // namespace enclavisor::runtime
