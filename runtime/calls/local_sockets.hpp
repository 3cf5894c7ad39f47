// Socket calls on the enclave's own sockets (runtime/objects/local_socket.hpp). Results
// are those of the Linux calls; no signal is raised here.
#pragma once

#include "runtime/objects/local_socket.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {

std::int64_t send_local(LocalSocket&, Address from, std::uint64_t size, int flags, Address address);
// `size_address` 0: nobody asks who sent it.
std::int64_t receive_local(LocalSocket&, Address to, std::uint64_t size, int flags, Address size_address);
std::int64_t send_local_message(LocalSocket&, Address message, int flags);
std::int64_t receive_local_message(LocalSocket&, Address message, int flags);
// Both ends have a name that is none.
std::int64_t local_name(Address address, Address size_address);
std::int64_t set_local_option(LocalSocket&, int level, int option, Address value, std::uint32_t size);
std::int64_t get_local_option(LocalSocket&, int level, int option, Address to, Address size_address);

}  // namespace enclavisor::runtime
