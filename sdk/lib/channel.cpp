#include "sdk/include/enclavisor/channel.hpp"

#include <bit>

#include "sdk/include/enclavisor/function.hpp"
#include "sdk/include/enclavisor/kernel_call.hpp"

namespace enclavisor::sdk {
namespace {

constexpr std::uint64_t kLookAgain = 1'000'000;  // ticks of the time-stamp counter

constexpr std::uint32_t kJoined = 1, kLeft = 2;

std::uint64_t address(std::uint32_t& word) {
    return reinterpret_cast<std::uint64_t>(&word);
}

}  // namespace

namespace detail {

SharingResult<ChannelMemory> ChannelMemory::make(std::size_t bytes) {
    const std::size_t pages = std::bit_ceil((bytes + abi::kPageSize - 1) / abi::kPageSize);
    if (pages >= kMaxObjectPages) panic("a channel has at most 2 MiB");
    ChannelMemory memory{TRY(MemoryObject::create(pages + 1))};
    TRY(memory.object_.map(Access::kReadWrite));
    return memory;
}

SharingResult<ChannelMemory> ChannelMemory::join(std::uint64_t number) {
    ChannelMemory memory{MemoryObject::open(number)};
    const auto bytes = TRY(memory.object_.map(Access::kReadWrite));
    const std::size_t pages = bytes.size() / abi::kPageSize;
    if (!std::has_single_bit(pages - 1)) return base::Failure{CallError::kNotFound};  // no channel
    return memory;
}

void ChannelMemory::wait(std::uint32_t& word, std::uint32_t& waits, std::uint32_t seen) {
    base::store_shared(waits, 1);
    base::full_fence();
    if (base::load_shared(word) == seen) kernel_call(abi::Call::kWait, address(word), seen);
    base::store_shared(waits, 0);
}

void ChannelMemory::wake(std::uint32_t& word, std::uint32_t& waits) {
    base::full_fence();
    if (base::load_shared(waits) == 0) return;
    base::store_shared(waits, 0);
    kernel_call(abi::Call::kWake, address(word), 1);
}

void ChannelMemory::say_joined() {
    base::store_shared(header().joined, kJoined);
    kernel_call(abi::Call::kWake, address(header().joined), 1);
}

void ChannelMemory::await_joined() {
    while (base::load_shared(header().joined) == 0) {
        kernel_call(abi::Call::kWait, address(header().joined), 0);
    }
}

// It wakes nobody: its memory may be gone as soon as it has said that it leaves.
void ChannelMemory::say_left() {
    base::store_shared(header().joined, kLeft);
}

void ChannelMemory::await_left() {
    while (base::load_shared(header().joined) != kLeft) {
        kernel_call(abi::Call::kWait, address(header().joined), kJoined, __builtin_ia32_rdtsc() + kLookAgain);
    }
}

}  // namespace detail

void ChannelWriter::wait(std::uint32_t seen) {
    detail::ChannelMemory::wait(memory_.header().read, memory_.header().writer_waits, seen);
}

std::optional<std::span<std::byte>> ChannelWriter::reserve() {
    for (;;) {
        const std::uint32_t seen = ring_.seen();
        const auto space = ring_.space();
        if (!space || !space->empty()) return space;
        wait(seen);
    }
}

void ChannelWriter::commit(std::size_t size) {
    ring_.commit(size);
    detail::ChannelMemory::wake(memory_.header().written, memory_.header().reader_waits);
}

std::optional<std::span<std::byte>> ChannelWriter::reserve_message(std::size_t size) {
    if (size > largest_message()) panic("a message is larger than its channel takes");
    for (;;) {
        const std::uint32_t seen = ring_.seen();
        const auto space = ring_.message_space(size);
        // An empty message has a place of its own, though no bytes.
        if (!space || space->data() != nullptr) return space;
        wait(seen);
    }
}

void ChannelWriter::commit_message(std::size_t size) {
    ring_.commit_message(size);
    detail::ChannelMemory::wake(memory_.header().written, memory_.header().reader_waits);
}

void ChannelReader::wait(std::uint32_t seen) {
    detail::ChannelMemory::wait(memory_.header().written, memory_.header().reader_waits, seen);
}

std::optional<std::span<const std::byte>> ChannelReader::peek() {
    for (;;) {
        const std::uint32_t seen = ring_.seen();
        const auto data = ring_.data();
        if (!data || !data->empty()) return data;
        wait(seen);
    }
}

void ChannelReader::release(std::size_t size) {
    ring_.release(size);
    detail::ChannelMemory::wake(memory_.header().read, memory_.header().writer_waits);
}

std::optional<std::span<const std::byte>> ChannelReader::peek_message() {
    for (;;) {
        const std::uint32_t seen = ring_.seen();
        const auto message = ring_.message();
        if (!message) return std::nullopt;
        if (message->found) return message->bytes;
        wait(seen);
    }
}

void ChannelReader::release_message() {
    ring_.release_message();
    detail::ChannelMemory::wake(memory_.header().read, memory_.header().writer_waits);
}

}  // namespace enclavisor::sdk
