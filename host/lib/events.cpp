#include "host/lib/events.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "host/lib/io_server.hpp"
#include "host/lib/shared_word.hpp"

namespace enclavisor::host {

Events::Events(Link& link, IoPool& pool, SerialLog& log, Sources sources)
    : link_{link}, pool_{pool}, log_{log}, sources_{sources}, stop_{::eventfd(0, EFD_CLOEXEC)} {
    // Signals are the main thread's.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Events::~Events() {
    ring(stop_.get());
    thread_.join();
}

void Events::announce() {
    {
        std::lock_guard guard{mutex_};
        count_++;
    }
    changed_.notify_all();
}

void Events::on_doorbell() {
    std::uint64_t rings;
    [[maybe_unused]] const ssize_t count = ::read(sources_.doorbell, &rings, sizeof(rings));
    full_fence();
    pool_.for_each_used(
        [this](std::uint64_t offset, std::uint64_t size) { attend(link_.bytes().subspan(offset, size)); });
    announce();
}

bool Events::drain(int fd) {
    char buffer[4096];
    const ssize_t count = ::read(fd, buffer, sizeof(buffer));
    if (count > 0) log_.append({buffer, static_cast<std::size_t>(count)});
    return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

void Events::run() {
    pollfd watched[] = {{stop_.get(), POLLIN, 0},     {sources_.doorbell, POLLIN, 0},
                        {sources_.serial, POLLIN, 0}, {sources_.standard_error, POLLIN, 0},
                        {sources_.qemu, POLLIN, 0},   {sources_.carrier, POLLIN, 0}};
    for (;;) {
        if (::poll(watched, std::size(watched), -1) < 0 && errno != EINTR) return;
        if (watched[0].revents != 0) return;
        if (watched[1].revents != 0) on_doorbell();
        for (const int i : {2, 3}) {
            if (watched[i].revents != 0 && !drain(watched[i].fd)) watched[i].fd = -1;
        }
        if (watched[5].revents != 0) {
            watched[5].fd = -1;
            ::syscall(SYS_pidfd_send_signal, sources_.qemu, SIGKILL, nullptr, 0);
        }
        // Only after its last words were read.
        if (watched[4].revents != 0 && watched[2].revents == 0 && watched[3].revents == 0) {
            watched[4].fd = -1;
            vm_ended_.store(true);
            announce();
        }
    }
}

}  // namespace enclavisor::host
