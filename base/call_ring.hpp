// The two ends of a ring of calls (abi/host/call_slot.hpp), as both sides of the
// boundary use them. Whatever lies in the ring may be anything at any time; the
// counts and sizes that matter are kept here, in private memory.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "abi/host/call_slot.hpp"
#include "base/shared_memory.hpp"

namespace enclavisor::base {

// What looking at a ring can bring: something, nothing, or a peer that broke the protocol.
enum class Look : std::uint8_t { kNothing, kFound, kBroken };

// Where a ring lies, and its caller's buffers.
struct CallMemory {
    abi::CallRing* ring;
    std::byte* area;
    std::uint32_t area_size;
};

// The rings of the slot at `slot`, whose size was validated.
inline CallMemory calls_in(std::byte* slot, std::uint32_t pages) {
    auto* header = reinterpret_cast<abi::CallSlot*>(slot);
    return {&header->in, slot + sizeof(abi::CallSlot), abi::call_area_size(pages)};
}
inline CallMemory calls_out(std::byte* slot, std::uint32_t pages) {
    auto* header = reinterpret_cast<abi::CallSlot*>(slot);
    const std::uint32_t size = abi::call_area_size(pages);
    return {&header->out, slot + sizeof(abi::CallSlot) + size, size};
}

// The caller's end. A call is a ticket from reserve() to release().
class CallSender {
public:
    using Ticket = std::uint32_t;  // < kCallDepth
    struct Done {
        Ticket ticket;
        abi::CallStatus status;  // kFailed, if it is none that exists
        std::uint32_t size;      // of the result, at most the capacity
    };

    explicit CallSender(const CallMemory& memory) : memory_{memory} {}
    CallSender() = default;

    // A buffer for a call whose arguments and result need at most `capacity` bytes.
    // Absent: kCallDepth calls are under way, or their buffers fill the area.
    std::optional<Ticket> reserve(std::uint32_t capacity);
    // Write-only: what is read from it may be the peer's.
    std::span<std::byte> buffer(Ticket ticket) const {
        return {memory_.area + live_[ticket].offset, live_[ticket].capacity};
    }
    // Publishes the call; `size` bytes of the buffer are its arguments.
    void submit(Ticket ticket, std::uint32_t function, std::uint32_t size);
    // Whether a call is under way and a completion is there.
    bool anything() const {
        return under_way() != 0 &&
               load_shared(memory_.ring->completions[taken_ % abi::kCallDepth].turn) == taken_ + 1;
    }
    // The next completion. The ticket stays until release().
    Look look(Done& done);
    // Copies the first `to.size()` bytes of the buffer, which lie within its capacity.
    void copy_result(Ticket ticket, std::span<std::byte> to) const {
        copy_from_shared(to.data(), buffer(ticket).first(to.size()));
    }
    void release(Ticket ticket) { tickets_ &= ~(1u << ticket); }
    std::uint32_t under_way() const { return submitted_ - taken_; }

private:
    struct Live {
        bool submitted = false;  // and not completed
        std::uint32_t id = 0;
        std::uint32_t offset = 0, capacity = 0;
    };
    std::optional<std::uint32_t> find_room(std::uint32_t size) const;

    CallMemory memory_{};
    std::uint32_t submitted_ = 0, taken_ = 0;
    std::uint32_t tickets_ = 0;  // a bit each, from reserve() to release()
    std::array<Live, abi::kCallDepth> live_{};
};

// The callee's end.
class CallReceiver {
public:
    struct Request {
        std::uint32_t function, id;
        std::span<std::byte> arguments;  // in shared memory: copy before use
        std::span<std::byte> buffer;     // for the result; begins where the arguments do
    };

    explicit CallReceiver(const CallMemory& memory) : memory_{memory} {}
    CallReceiver() = default;

    bool anything() const {
        return load_shared(memory_.ring->entries[taken_ % abi::kCallDepth].turn) == taken_ + 1;
    }
    Look look(Request& request);
    // The result, `size` bytes, lies in the request's buffer.
    void complete(std::uint32_t id, abi::CallStatus status, std::uint32_t size);
    std::uint32_t under_way() const { return taken_ - completed_; }

private:
    CallMemory memory_{};
    std::uint32_t taken_ = 0, completed_ = 0;
};

// --- The caller's end --------------------------------------------------------

// The lowest gap between the live buffers, of which there are few.
inline std::optional<std::uint32_t> CallSender::find_room(std::uint32_t size) const {
    std::uint32_t begin = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (std::uint32_t left = tickets_; left != 0; left &= left - 1) {
            const Live& live = live_[std::countr_zero(left)];
            if (live.capacity == 0) continue;
            if (begin < live.offset + live.capacity && live.offset < begin + size) {
                begin = live.offset + live.capacity;
                moved = true;
            }
        }
    }
    if (begin > memory_.area_size || size > memory_.area_size - begin) return std::nullopt;
    return begin;
}

inline std::optional<CallSender::Ticket> CallSender::reserve(std::uint32_t capacity) {
    if (capacity > memory_.area_size) return std::nullopt;
    const std::uint32_t size = (capacity + abi::kCallAlignment - 1) & ~(abi::kCallAlignment - 1);
    const auto ticket = static_cast<Ticket>(std::countr_one(tickets_));
    if (ticket >= abi::kCallDepth) return std::nullopt;
    const auto offset = find_room(size);
    if (!offset) return std::nullopt;
    tickets_ |= 1u << ticket;
    live_[ticket] = {false, 0, *offset, size};
    return ticket;
}

inline void CallSender::submit(Ticket ticket, std::uint32_t function, std::uint32_t size) {
    Live& live = live_[ticket];
    live.submitted = true;
    live.id = submitted_ * abi::kCallDepth + ticket;  // the ticket is found again without a search
    abi::CallEntry& entry = memory_.ring->entries[submitted_ % abi::kCallDepth];
    entry.function = function;
    entry.id = live.id;
    entry.offset = live.offset;
    entry.size = size;
    entry.capacity = live.capacity;
    store_shared(entry.turn, ++submitted_);
}

inline Look CallSender::look(Done& done) {
    if (!anything()) return Look::kNothing;
    const auto completion = copy_from_shared(memory_.ring->completions[taken_ % abi::kCallDepth]);
    Live& live = live_[completion.id % abi::kCallDepth];
    if (!live.submitted || live.id != completion.id || completion.size > live.capacity) {
        return Look::kBroken;
    }
    taken_++;
    live.submitted = false;
    const bool known = completion.status <= static_cast<std::uint32_t>(abi::CallStatus::kFailed);
    done = {completion.id % abi::kCallDepth,
            known ? static_cast<abi::CallStatus>(completion.status) : abi::CallStatus::kFailed,
            completion.size};
    return Look::kFound;
}

// --- The callee's end --------------------------------------------------------

inline Look CallReceiver::look(Request& request) {
    if (!anything()) return Look::kNothing;
    if (under_way() >= abi::kCallDepth) return Look::kBroken;
    const auto entry = copy_from_shared(memory_.ring->entries[taken_ % abi::kCallDepth]);
    if (entry.offset > memory_.area_size || entry.capacity > memory_.area_size - entry.offset ||
        entry.size > entry.capacity || entry.offset % abi::kCallAlignment != 0) {
        return Look::kBroken;
    }
    taken_++;
    const std::span<std::byte> buffer{memory_.area + entry.offset, entry.capacity};
    request = {entry.function, entry.id, buffer.first(entry.size), buffer};
    return Look::kFound;
}

inline void CallReceiver::complete(std::uint32_t id, abi::CallStatus status, std::uint32_t size) {
    abi::CallCompletion& completion = memory_.ring->completions[completed_ % abi::kCallDepth];
    completion.id = id;
    completion.status = static_cast<std::uint32_t>(status);
    completion.size = size;
    store_shared(completion.turn, ++completed_);
}

}  // namespace enclavisor::base
