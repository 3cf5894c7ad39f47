// The enclave's end of one I/O area (abi/host/io_area.hpp): one call of one thread
// at a time. Everything in the area may change at any moment; the indices that
// count are kept here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/host/io_area.hpp"
#include "base/shared_memory.hpp"

namespace enclavisor::runtime {

// What the channel needs of the world below it.
class IoWaiter {
public:
    virtual void ring() = 0;  // the proxy sleeps: wake it
    // Until the word `completed`, at `offset` in the window, differs from `seen`, or
    // for another reason.
    virtual void wait(std::uint32_t seen, std::uint64_t offset) = 0;
    virtual bool interrupted() = 0;                  // the thread has something better to do
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

// What one call can carry at most in one buffer, in the first area and in the
// others; longer transfers take several.
inline constexpr std::uint64_t kMaxTransfer = 128 << 10;
inline constexpr std::uint64_t kMaxFurtherTransfer = 64 << 10;

// How a call waits.
struct Patience {
    bool interruptible = false;  // it may be cut short
    bool alone = true;           // no other call is under way: polling is no waste
};

class IoChannel {
public:
    // Area `index` of the window.
    IoChannel(std::byte* window, std::uint64_t index, IoWaiter& waiter, IoCounts& counts)
        : first_{reinterpret_cast<abi::IoHeader*>(window)},
          header_{reinterpret_cast<abi::IoHeader*>(window + abi::io_area_offset(index))},
          data_{window + abi::io_area_offset(index) + abi::kIoDataOffset},
          waiter_{&waiter},
          counts_{&counts},
          index_{index},
          unknown_{index != 0} {}

    // Hands `entry`, with its first `arguments` arguments, to the proxy and waits
    // for the answer, which nobody has checked yet. Fills in the entry's id.
    [[gnu::always_inline]] std::int64_t call(abi::SubmissionEntry& entry, std::size_t arguments,
                                             Patience patience);
    // The area is a new one, of zeros.
    void restart() {
        submitted_ = 0;
        unknown_ = index_ != 0;
        cut_short_ = false;
    }
    // Whether the proxy was asked to cut the last call short.
    bool was_cut_short() const { return cut_short_; }

    std::byte* data() { return data_; }
    std::uint64_t data_size() const { return abi::io_data_size(index_); }
    std::uint64_t index() const { return index_; }

private:
    [[gnu::always_inline]] void submit(abi::SubmissionEntry& entry, std::size_t arguments);
    void await(Patience patience);
    void sleep(Patience patience, int spins);
    void ring();
    void cut_short();

    abi::IoHeader* first_;
    abi::IoHeader* header_;
    std::byte* data_;
    IoWaiter* waiter_;
    IoCounts* counts_;
    std::uint64_t index_;
    std::uint32_t submitted_ = 0;
    bool unknown_;  // the host does not serve the area yet
    bool cut_short_ = false;
};

inline void IoChannel::submit(abi::SubmissionEntry& entry, std::size_t arguments) {
    // One write of memory that the host may change meanwhile.
    const auto write_once = [](auto& shared, auto value) {
        *const_cast<volatile std::remove_reference_t<decltype(shared)>*>(&shared) = value;
    };
    abi::SubmissionEntry& slot = header_->entries[submitted_ % abi::kIoDepth];
    entry.id = submitted_;
    write_once(slot.call, entry.call);
    write_once(slot.id, entry.id);
    for (std::size_t i = 0; i < arguments; i++) write_once(slot.arguments[i], entry.arguments[i]);
    base::store_shared(header_->submitted, ++submitted_);
    base::full_fence();
    if (base::load_shared(header_->host_waits) == 1 || unknown_) ring();
}

inline std::int64_t IoChannel::call(abi::SubmissionEntry& entry, std::size_t arguments, Patience patience) {
    cut_short_ = false;
    submit(entry, arguments);
    await(patience);
    const volatile abi::CompletionEntry& completion = header_->completions[entry.id % abi::kIoDepth];
    if (completion.id != entry.id) waiter_->broken(kRuleId);
    return completion.result;
}

}  // namespace enclavisor::runtime
