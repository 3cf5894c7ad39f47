// The two ends of a ring of bytes between two enclaves that do not trust each other.
// Data is written and read in place. Each end keeps its own index in private memory
// and validates the other's whenever it looks at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/call_codec.hpp"
#include "base/shared_memory.hpp"

namespace enclavisor::sdk {

// At the beginning of the shared memory; the data begins one page further. Indices run
// freely; byte i lies at i % size, which is a power of two.
struct ChannelHeader {
    // writer
    std::uint32_t written;
    std::uint32_t writer_waits;  // 1: for `read` to change
    std::uint32_t reserved0[14];
    // reader
    std::uint32_t read;
    std::uint32_t reader_waits;  // 1: for `written` to change
    std::uint32_t reserved1[14];
    // who joined
    std::uint32_t joined;
    std::uint32_t reserved2[15];
};
static_assert(sizeof(ChannelHeader) == 192);

// Of a message: its size stands before it, and it lies in one piece.
inline constexpr std::uint32_t kMessageHeader = 8;
inline constexpr std::uint32_t kSkipToBegin = ~0u;  // instead of a size: the rest of the ring is unused

class RingWriter {
public:
    RingWriter(ChannelHeader& header, std::span<std::byte> data)
        : header_{&header}, data_{data.data()}, size_{static_cast<std::uint32_t>(data.size())} {}

    // Free bytes in one piece; may be none. Absent: the reader broke the protocol.
    std::optional<std::span<std::byte>> space() {
        const std::uint32_t used = written_ - base::load_shared(header_->read);
        if (used > size_) return std::nullopt;
        const std::uint32_t at = written_ & (size_ - 1), free = size_ - used;
        return std::span<std::byte>{data_ + at, free < size_ - at ? free : size_ - at};
    }
    // The first `size` bytes of space() are for the reader now.
    void commit(std::size_t size) {
        written_ += static_cast<std::uint32_t>(size);
        base::store_shared(header_->written, written_);
    }

    // Room for a message of `size` bytes, in one piece; empty when there is none yet.
    std::optional<std::span<std::byte>> message_space(std::size_t size) {
        const std::size_t whole = kMessageHeader + base::padded(size);
        auto free = space();
        if (free && free->size() < whole && starts_again(free->size())) {
            write_size(free->data(), kSkipToBegin);
            commit(free->size());
            free = space();
        }
        if (!free || free->size() < whole) return free ? std::optional{std::span<std::byte>{}} : std::nullopt;
        return free->subspan(kMessageHeader, size);
    }
    // After message_space(): a message of that size, or a smaller one.
    void commit_message(std::size_t size) {
        write_size(data_ + (written_ & (size_ - 1)), static_cast<std::uint32_t>(size));
        commit(kMessageHeader + base::padded(size));
    }
    std::size_t largest_message() const { return size_ / 2 - kMessageHeader; }
    std::uint32_t seen() const { return base::load_shared(header_->read); }

private:
    // The free bytes end with the ring, and some, at least a header, are free.
    bool starts_again(std::size_t free) const {
        return free >= kMessageHeader && (written_ & (size_ - 1)) + free == size_;
    }
    static void write_size(std::byte* at, std::uint32_t size) { __builtin_memcpy(at, &size, sizeof(size)); }

    ChannelHeader* header_;
    std::byte* data_;
    std::uint32_t size_;
    std::uint32_t written_ = 0;
};

class RingReader {
public:
    RingReader(ChannelHeader& header, std::span<std::byte> data)
        : header_{&header}, data_{data.data()}, size_{static_cast<std::uint32_t>(data.size())} {}

    // What has been written, in one piece; may be nothing. The writer can still change
    // it: what is checked must be copied before. Absent: the writer broke the protocol.
    std::optional<std::span<const std::byte>> data() const {
        const std::uint32_t filled = base::load_shared(header_->written) - read_;
        if (filled > size_) return std::nullopt;
        const std::uint32_t at = read_ & (size_ - 1);
        return std::span<const std::byte>{data_ + at, filled < size_ - at ? filled : size_ - at};
    }
    // The first `size` bytes of data() may be overwritten now.
    void release(std::size_t size) {
        read_ += static_cast<std::uint32_t>(size);
        base::store_shared(header_->read, read_);
    }

    struct Message {
        bool found;
        std::span<const std::byte> bytes;
    };
    // The next message, until release_message(). Absent: the writer broke the protocol.
    std::optional<Message> message() {
        for (;;) {
            const auto piece = data();
            if (!piece) return std::nullopt;
            if (piece->empty()) return Message{false, {}};
            if (piece->size() < kMessageHeader) return std::nullopt;
            const std::uint32_t size = read_size(piece->data());
            if (size == kSkipToBegin && (read_ & (size_ - 1)) + piece->size() == size_) {
                release(piece->size());
                continue;
            }
            if (size > piece->size() - kMessageHeader || base::padded(size) > piece->size() - kMessageHeader)
                return std::nullopt;
            message_size_ = kMessageHeader + static_cast<std::uint32_t>(base::padded(size));
            return Message{true, piece->subspan(kMessageHeader, size)};
        }
    }
    void release_message() { release(message_size_); }
    std::uint32_t seen() const { return base::load_shared(header_->written); }

private:
    static std::uint32_t read_size(const std::byte* at) {
        return base::load_shared(*reinterpret_cast<const std::uint32_t*>(at));
    }

    ChannelHeader* header_;
    std::byte* data_;
    std::uint32_t size_;
    std::uint32_t read_ = 0;
    std::uint32_t message_size_ = 0;
};

}  // namespace enclavisor::sdk
