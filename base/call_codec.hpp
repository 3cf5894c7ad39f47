// How the arguments and results of calls look in a buffer. Caller and callee
// are two programs; each argument stands at the next multiple of eight bytes:
//
//   a value     its bytes (trivially copyable, without pointers and padding)
//   bytes       their number as a u64, then the bytes
//
// A result is one value, or bytes without a number before them: their number is
// the size of the result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace enclavisor::base {

using Bytes = std::span<const std::byte>;

template <typename T>
inline constexpr bool kIsBytes = std::is_same_v<T, Bytes> || std::is_same_v<T, std::span<std::byte>> ||
                                 std::is_same_v<T, std::string_view>;

// Padding between members would carry whatever lay on the sender's stack. To be
// specialised for structures of floats, of which the compiler cannot tell.
template <typename T>
inline constexpr bool kWithoutPadding =
    std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>;

// What may be an argument: a value, std::span<const std::byte>, std::string_view.
template <typename T>
concept Codable = kIsBytes<T> ||(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> &&
                                 kWithoutPadding<T> && std::is_default_constructible_v<T> && alignof(T) <= 8);

constexpr std::size_t padded(std::size_t size) {
    return (size + 7) & ~std::size_t{7};
}

// The size of a result: of a value, or of nothing.
template <typename R>
constexpr std::size_t room_of() {
    if constexpr (std::is_void_v<R>) {
        return 0;
    } else {
        static_assert(Codable<R> && !kIsBytes<R>,
                      "a result is a value; for bytes say how much room they need");
        return sizeof(R);
    }
}

template <Codable T>
std::size_t encoded_size(const T& value) {
    if constexpr (kIsBytes<T>) return 8 + padded(value.size());
    return padded(sizeof(T));
}

// Appends at `to`; returns where the next argument goes. There is room.
template <Codable T>
std::byte* encode(std::byte* to, const T& value) {
    if constexpr (kIsBytes<T>) {
        const std::uint64_t size = value.size();
        __builtin_memcpy(to, &size, 8);
        if (size != 0) __builtin_memcpy(to + 8, value.data(), size);
    } else {
        __builtin_memcpy(to, &value, sizeof(T));
    }
    return to + encoded_size(value);
}

// Takes arguments off the front of private bytes that a peer chose.
class Decoder {
public:
    explicit Decoder(Bytes bytes) : rest_{bytes} {}

    template <Codable T>
    T take() {
        if constexpr (kIsBytes<T>) {
            const auto size = take<std::uint64_t>();
            if (size > rest_.size() || padded(size) > rest_.size()) {
                sound_ = false;
                return {};
            }
            const Bytes bytes = rest_.first(size);
            rest_ = rest_.subspan(padded(size));
            if constexpr (std::is_same_v<T, std::string_view>) {
                return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
            } else {
                return bytes;
            }
        } else {
            T value{};
            if (padded(sizeof(T)) > rest_.size()) {
                sound_ = false;
                rest_ = {};
                return value;
            }
            __builtin_memcpy(&value, rest_.data(), sizeof(T));
            rest_ = rest_.subspan(padded(sizeof(T)));
            return value;
        }
    }

    // Whether all that was taken was there, and nothing is left.
    bool finished() const { return sound_ && rest_.empty(); }

private:
    Bytes rest_;
    bool sound_ = true;
};

}  // namespace enclavisor::base
