// For unit tests on the host: nobody else is there to be waited for, and the host's epoll
// is this process's.
#include "runtime/objects/objects_hosted.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include "runtime/objects/host_epoll.hpp"
#include "runtime/objects/object_file.hpp"

namespace enclavisor::runtime {

std::uint64_t hosted_generation = 0;

void forget_locks(const OpenFile&) {}
std::int64_t wait_for(OpenFile&, short, std::uint64_t) {
    return -EDEADLK;
}
std::uint64_t deadline_after(std::uint64_t nanoseconds) {
    return nanoseconds;
}

std::int64_t host_epoll_create() {
    return ::epoll_create1(EPOLL_CLOEXEC);
}
std::int64_t host_epoll_control(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t token) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = token;
    return ::epoll_ctl(epoll, operation, fd, &event) == 0 ? 0 : -errno;
}
std::int64_t host_epoll_duplicate(int fd) {
    return ::dup(fd);
}
void host_epoll_close(int fd) {
    ::close(fd);
}
std::uint64_t instance_generation() {
    return hosted_generation;
}

}  // namespace enclavisor::runtime
