// The thread that listens to the VM: doorbell, serial port, QEMU's end.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "host/lib/fd.hpp"
#include "host/lib/link.hpp"
#include "host/lib/serial_log.hpp"
#include "host/lib/shared_word.hpp"

namespace enclavisor::host {

class Events {
public:
    struct Sources {
        int doorbell;        // eventfd of peer 0
        int qemu;            // pidfd
        int serial;          // socket
        int standard_error;  // pipe of QEMU and the carrier
        int carrier = -1;    // pidfd; the VM ends with it
    };

    // Everything referred to must outlive this object.
    Events(Link& link, IoPool& pool, SerialLog& log, Sources sources);
    ~Events();
    Events(const Events&) = delete;

    bool vm_ended() const { return vm_ended_.load(); }

    // Sleeps until something happens after `ready` was last false, `ready`
    // becomes true, or the time is over; wakes now and then in any case.
    template <typename Ready>
    void wait(Ready ready, std::chrono::milliseconds longest) {
        std::unique_lock lock{mutex_};
        const std::uint64_t seen = count_;
        sleepers_++;
        store(link_.header().host_waits, 1);
        full_fence();
        if (!ready()) changed_.wait_for(lock, longest, [&] { return count_ != seen; });
        if (--sleepers_ == 0) store(link_.header().host_waits, 0);
    }

private:
    void run();
    void on_doorbell();
    void announce();
    bool drain(int fd);  // false: closed

    Link& link_;
    IoPool& pool_;
    SerialLog& log_;
    Sources sources_;
    Fd stop_;
    std::atomic<bool> vm_ended_{false};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t count_ = 0;
    unsigned sleepers_ = 0;  // while there are any, the kernel rings for completions and ends
    std::thread thread_;
};

}  // namespace enclavisor::host
