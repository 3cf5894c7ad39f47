// Channels: bytes or messages from one enclave to another of the same VM, written and
// read in place, in memory that only the two see.
//
//   maker:  auto made = sdk::ChannelWriter::make(1 << 20, peer);    // by handle or Measurement
//           tell the other made->number(), by any way
//           made->accept(is_expected);
//   other:  auto joined = sdk::ChannelReader::join(number, is_expected);
//
// Either end can be the maker. `is_expected` gets the other's Identity, as the kernel says
// it, and decides. The other end may write anything at any time, may never answer, and
// may take the memory back if it is the maker (which ends an enclave that still uses it);
// when it breaks the protocol, calls fail from then on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "sdk/include/enclavisor/channel_ring.hpp"
#include "sdk/include/enclavisor/memory_object.hpp"

namespace enclavisor::sdk {
namespace detail {

// The shared memory of a channel, at one of its ends.
class ChannelMemory {
public:
    // A ring of `bytes` bytes, which is rounded up to a power of two of whole pages; at
    // most 2 MiB.
    static SharingResult<ChannelMemory> make(std::size_t bytes);
    static SharingResult<ChannelMemory> join(std::uint64_t number);

    MemoryObject& object() { return object_; }
    bool joined_here() const { return !object_.made_here() && !object_.bytes().empty(); }
    ChannelHeader& header() const { return *reinterpret_cast<ChannelHeader*>(object_.bytes().data()); }
    std::span<std::byte> data() const { return object_.bytes().subspan(abi::kPageSize); }

    void say_joined();
    void say_left();
    void await_joined();
    void await_left();
    // Sleeps while `word` equals `seen`, having set `waits`.
    static void wait(std::uint32_t& word, std::uint32_t& waits, std::uint32_t seen);
    // After `word` was published: wakes who waits for it.
    static void wake(std::uint32_t& word, std::uint32_t& waits);

private:
    explicit ChannelMemory(MemoryObject object) : object_{std::move(object)} {}
    MemoryObject object_;
};

// What both ends have in common.
template <typename Ring, typename Self>
class ChannelEnd {
public:
    // `peer`: the handle of an instance, or a Measurement.
    template <typename Peer>
    static SharingResult<Self> make(std::size_t bytes, const Peer& peer) {
        auto memory = TRY(ChannelMemory::make(bytes));
        TRY(memory.object().grant(peer, Access::kReadWrite));
        return Self{std::move(memory)};
    }
    template <typename IsExpected>
    static SharingResult<Self> join(std::uint64_t number, IsExpected is_expected) {
        auto memory = TRY(ChannelMemory::join(number));
        const abi::Identity maker = TRY(memory.object().identify());
        if (!is_expected(maker)) return base::Failure{CallError::kNotFound};
        memory.say_joined();
        return Self{std::move(memory)};
    }
    // By the maker: waits until the other end has joined, and looks who it is. On an
    // error, the channel is not to be used.
    template <typename IsExpected>
    SharingResult<void> accept(IsExpected is_expected) {
        memory_.await_joined();
        const abi::Identity peer = TRY(memory_.object().identify());
        if (!is_expected(peer)) return base::Failure{CallError::kNotFound};
        return {};
    }

    // By the maker, before it lets go: waits until the other end has. An end lets go when
    // it is destroyed; one that never does is waited for in vain.
    void await_left() { memory_.await_left(); }

    std::uint64_t number() { return memory_.object().number(); }

protected:
    ChannelEnd(ChannelEnd&&) noexcept = default;
    ~ChannelEnd() {
        if (memory_.joined_here()) memory_.say_left();
    }
    explicit ChannelEnd(ChannelMemory memory)
        : memory_{std::move(memory)}, ring_{memory_.header(), memory_.data()} {}
    ChannelMemory memory_;
    Ring ring_;
};

}  // namespace detail

class ChannelWriter : public detail::ChannelEnd<RingWriter, ChannelWriter> {
public:
    // Waits for free bytes; what is free is in one piece. Absent: the reader broke the
    // protocol. Then commit() says how many of them were written.
    std::optional<std::span<std::byte>> reserve();
    void commit(std::size_t size);

    // The same for a message of at most `size` bytes, at most largest_message().
    std::optional<std::span<std::byte>> reserve_message(std::size_t size);
    void commit_message(std::size_t size);
    std::size_t largest_message() const { return ring_.largest_message(); }

private:
    friend class detail::ChannelEnd<RingWriter, ChannelWriter>;
    using ChannelEnd::ChannelEnd;
    void wait(std::uint32_t seen);
};

class ChannelReader : public detail::ChannelEnd<RingReader, ChannelReader> {
public:
    // Waits for bytes; they are in one piece, not empty, and may still be changed by the
    // writer. Absent: the writer broke the protocol. release() gives the first `size` back.
    std::optional<std::span<const std::byte>> peek();
    void release(std::size_t size);

    // The same for one message, which may be empty.
    std::optional<std::span<const std::byte>> peek_message();
    void release_message();

private:
    friend class detail::ChannelEnd<RingReader, ChannelReader>;
    using ChannelEnd::ChannelEnd;
    void wait(std::uint32_t seen);
};

}  // namespace enclavisor::sdk
