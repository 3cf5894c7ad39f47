// The enclave's end of one I/O area (abi/host/io_area.hpp): one call at a time.
// Everything in the area may change at any moment; the indices that count are
// kept here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/host/io_area.hpp"

namespace enclavisor::runtime {

// What the channel needs of the world below it.
class IoWaiter {
public:
    virtual void ring() = 0;                         // the proxy sleeps: wake it
    virtual void wait(std::uint32_t seen) = 0;       // until `completed` differs from `seen`
    [[noreturn]] virtual void broken(int rule) = 0;  // the host broke the protocol

protected:
    ~IoWaiter() = default;
};

// Rules of the protocol, reported with EndReason::kHostProtocol.
inline constexpr int kRuleIndex = 1;      // `completed` is neither the old nor the new value
inline constexpr int kRuleId = 2;         // a completion of another call
inline constexpr int kRuleStartInfo = 3;  // the start information cannot be read

// For benchmarks, which tell waiting from work.
struct IoCounts {
    std::uint64_t rings;   // of the host's doorbell
    std::uint64_t rounds;  // of polling for an answer
};

class IoChannel {
public:
    // `area` is the header page and the data area behind it.
    IoChannel(std::byte* area, IoWaiter& waiter, IoCounts& counts)
        : header_{reinterpret_cast<abi::IoHeader*>(area)},
          data_{area + abi::kIoDataOffset},
          waiter_{&waiter},
          counts_{&counts} {}

    // Hands `entry`, with its first `arguments` arguments, to the proxy and waits
    // for the answer, which nobody has checked yet. Fills in the entry's id.
    std::int64_t call(abi::SubmissionEntry& entry, std::size_t arguments = 6);

    std::byte* data() { return data_; }

private:
    void submit(abi::SubmissionEntry& entry, std::size_t arguments);
    void await();

    abi::IoHeader* header_;
    std::byte* data_;
    IoWaiter* waiter_;
    IoCounts* counts_;
    std::uint32_t submitted_ = 0;
};

}  // namespace enclavisor::runtime
