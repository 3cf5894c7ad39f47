#include "runtime/objects/host_epoll.hpp"

#include <sys/epoll.h>

#include "runtime/host/host.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {

using C = abi::ForwardedCall;

std::int64_t host_epoll_create() {
    return forward(C::kEpollCreate, EPOLL_CLOEXEC);
}

std::int64_t host_epoll_control(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t token) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = token;
    return forward(C::kEpollCtl, epoll, operation, fd, &event);
}

std::int64_t host_epoll_duplicate(int fd) {
    return forward(C::kDuplicate, fd, 0, 0);
}

void host_epoll_close(int fd) {
    forward(C::kClose, fd);
}

std::uint64_t instance_generation() {
    return this_thread().block->generation;
}

}  // namespace enclavisor::runtime
