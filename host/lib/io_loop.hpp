// Serves one I/O area: takes submissions, has them answered, completes them
// (protocol: abi/host/io_area.hpp). Used by the proxy, and by tests that answer
// in their own way.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "abi/host/io_area.hpp"

namespace enclavisor::host {

class IoLoop {
public:
    // Answers one submission: a result >= 0, or -errno. The entry is a private copy.
    using Handler = std::function<std::int64_t(const abi::SubmissionEntry&, std::span<std::byte> data)>;

    IoLoop(abi::IoHeader& header, std::span<std::byte> data, int guest_doorbell, Handler handler)
        : header_{header}, data_{data}, guest_doorbell_{guest_doorbell}, handler_{std::move(handler)} {}

    // How long to poll at least before sleeping; before run().
    void set_shortest_spin(std::chrono::microseconds spin) { spin_ = shortest_spin_ = spin; }

    // At most `most` loops that share `spinners` poll at a time; before run().
    void share_spinning(std::atomic<int>& spinners, int most) {
        spinners_ = &spinners;
        most_spinners_ = most;
    }

    // Serves until stop(). Returns false if the enclave broke the protocol.
    bool run();
    void stop();  // from another thread

    // For who interrupts: whether the enclave does not want to wait for the call under
    // way any longer; whether the handler runs; whether run() is over.
    bool cut_short() const;
    bool in_call() const { return in_call_.load(); }
    bool ended() const { return ended_.load(); }

private:
    bool wait_for_submission();  // false: stopped
    void spin();
    bool serve();  // false: the protocol was broken
    bool fresh() const;

    abi::IoHeader& header_;
    std::span<std::byte> data_;
    int guest_doorbell_;
    Handler handler_;
    std::chrono::microseconds shortest_spin_{50};
    std::chrono::microseconds spin_{100};  // before the next sleep; adapts
    std::atomic<int>* spinners_ = nullptr;
    int most_spinners_ = 0;
    std::atomic<bool> stopped_{false};
    std::atomic<bool> in_call_{false};
    std::atomic<bool> ended_{false};
    std::atomic<std::uint32_t> completed_{0};  // ours; the header's copy is only written
};

}  // namespace enclavisor::host
