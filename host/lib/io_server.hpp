// Serves all areas of an enclave's I/O window (abi/host/io_area.hpp): the first on
// the caller's thread, each further one on a thread of its own, which begins when
// the area is first used. A supervisor thread starts them, and interrupts calls
// that the enclave wants cut short.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "host/lib/io_loop.hpp"

namespace enclavisor::host {

// What the listener to the VM does for each window when the VM rang.
void attend(std::span<std::byte> window);

class IoServer {
public:
    // `handler` is called from several threads at once if the window has several
    // areas. A call that it blocks in is interrupted by a signal (EINTR).
    IoServer(std::span<std::byte> window, int guest_doorbell, IoLoop::Handler handler);
    ~IoServer();
    IoServer(const IoServer&) = delete;

    // How long to poll at least before sleeping; before run().
    void set_shortest_spin(std::chrono::microseconds spin) { shortest_spin_ = spin; }

    // Serves until stop(). False if the enclave broke the protocol.
    bool run();
    void stop();  // from another thread

private:
    struct Area {
        std::unique_ptr<IoLoop> loop;
        pthread_t thread{};      // that serves it
        std::thread own_thread;  // the same, but for the first area
    };
    abi::IoHeader& header(std::size_t area) const;
    void prepare(std::size_t area);
    void serve(std::size_t area);
    void supervise();
    void look_after(std::uint64_t areas);

    std::span<std::byte> window_;
    int guest_doorbell_;
    IoLoop::Handler handler_;
    std::chrono::microseconds shortest_spin_{0};
    std::atomic<int> spinners_{0};
    std::vector<Area> areas_;
    std::uint64_t started_ = 0;  // the supervisor's, like `interrupted_`
    std::uint64_t interrupted_ = 0;
    std::atomic<bool> broken_{false};
    std::atomic<bool> stopped_{false};
    std::thread supervisor_;
};

// An IoServer on a thread of its own.
class IoServerThread {
public:
    IoServerThread(std::span<std::byte> window, int guest_doorbell, IoLoop::Handler handler)
        : server_{window, guest_doorbell, std::move(handler)}, thread_{[this] { server_.run(); }} {}
    ~IoServerThread() {
        server_.stop();
        thread_.join();
    }
    IoServerThread(const IoServerThread&) = delete;

private:
    IoServer server_;
    std::thread thread_;
};

}  // namespace enclavisor::host
