// Entry points: what the host may call.
//
//   ENCLAVISOR_ENTRY(add, [](int a, int b) { return a + b; });
//
// The host calls them by name (host/lib/function.hpp). Arguments and results are
// what base/call_codec.hpp can carry; bytes among the arguments lie in a private
// copy that lives until the call is answered. Everything is the host's choice: a
// call whose arguments have not the right size is refused (CallStatus::kBadArguments),
// their values are for the function to check. A result may also be a Buffer, or a
// Task<...> of any of these (task.hpp), or Refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/call_codec.hpp"
#include "base/call_ring.hpp"
#include "sdk/include/enclavisor/buffer.hpp"

namespace enclavisor::sdk {

// A call of the host, as it lies in the slot.
using Request = base::CallReceiver::Request;

// One row of the table of entry points. Its place in the table is its number.
struct Entry {
    void (*invoke)(Request&);
};

template <typename R>
class Task;

namespace detail {

// Publishes the answer to a call.
void answer(std::uint32_t id, abi::CallStatus status, std::size_t size);

template <typename T>
inline constexpr bool kIsTask = false;
template <typename T>
inline constexpr bool kIsTask<Task<T>> = true;

// Writes `result` into the call's buffer and publishes it.
template <typename R>
void answer_with(std::uint32_t id, std::span<std::byte> buffer, const R& result) {
    if constexpr (std::is_same_v<R, Buffer> || base::kIsBytes<R>) {
        if (result.size() > buffer.size()) return answer(id, abi::CallStatus::kNoRoom, 0);
        if (result.size() != 0) __builtin_memcpy(buffer.data(), result.data(), result.size());
        answer(id, abi::CallStatus::kOk, result.size());
    } else {
        static_assert(base::Codable<R>, "a result is a value without padding, or bytes");
        if (sizeof(R) > buffer.size()) return answer(id, abi::CallStatus::kNoRoom, 0);
        __builtin_memcpy(buffer.data(), &result, sizeof(R));
        answer(id, abi::CallStatus::kOk, sizeof(R));
    }
}

// The arguments' private copy. Small ones lie inside.
template <std::size_t kInside>
class PrivateCopy {
public:
    explicit PrivateCopy(base::Bytes shared) : size_{shared.size()} {
        if (size_ > kInside) outside_ = Buffer{size_};
        base::copy_from_shared(data(), shared);
    }
    PrivateCopy(const PrivateCopy&) = delete;
    base::Bytes bytes() { return {data(), size_}; }

private:
    std::byte* data() { return size_ > kInside ? outside_.data() : inside_; }
    std::size_t size_;
    alignas(8) std::byte inside_[kInside];
    Buffer outside_;
};

template <typename F, typename Signature>
struct Invoker;

template <typename F, typename R, typename... A>
struct Invoker<F, R (F::*)(A...) const> {
    static constexpr bool kFixed = (!base::kIsBytes<std::decay_t<A>> && ...);
    static constexpr std::size_t kSize = (std::size_t{0} + ... + base::padded(sizeof(std::decay_t<A>)));
    // Of values alone the size is known; with bytes, short ones are the rule.
    using Copy = PrivateCopy<kFixed ? (kSize == 0 ? 8 : kSize) : 256>;

    static void invoke(Request& request) {
        if (kFixed && request.arguments.size() != kSize) {
            return answer(request.id, abi::CallStatus::kBadArguments, 0);
        }
        if constexpr (kIsTask<R>) {
            auto* copy = new Copy{request.arguments};
            base::Decoder decoder{copy->bytes()};
            std::tuple<std::decay_t<A>...> arguments{decoder.template take<std::decay_t<A>>()...};
            if (!decoder.finished()) {
                delete copy;
                return answer(request.id, abi::CallStatus::kBadArguments, 0);
            }
            std::apply(F{}, std::move(arguments)).answers(request, copy, [](void* done) {
                delete static_cast<Copy*>(done);
            });
        } else {
            Copy copy{request.arguments};
            base::Decoder decoder{copy.bytes()};
            // Braces: in the order in which they stand.
            std::tuple<std::decay_t<A>...> arguments{decoder.template take<std::decay_t<A>>()...};
            if (!decoder.finished()) return answer(request.id, abi::CallStatus::kBadArguments, 0);
            if constexpr (std::is_void_v<R>) {
                std::apply(F{}, std::move(arguments));
                answer(request.id, abi::CallStatus::kOk, 0);
            } else {
                answer_with<std::decay_t<R>>(request.id, request.buffer,
                                             std::apply(F{}, std::move(arguments)));
            }
        }
    }
};

template <typename F>
constexpr Entry entry_of(F) {
    return {&Invoker<F, decltype(&F::operator())>::invoke};
}

}  // namespace detail
}  // namespace enclavisor::sdk

// `name` is unique in the program; the second argument is a lambda without captures.
#define ENCLAVISOR_ENTRY(name, ...)                                                                   \
    extern "C" {                                                                                      \
    extern const ::enclavisor::sdk::Entry enclavisor_entry_##name;                                    \
    [[gnu::used,                                                                                      \
      gnu::section(                                                                                   \
          ".enclavisor_entries")]] constinit const ::enclavisor::sdk::Entry enclavisor_entry_##name = \
        ::enclavisor::sdk::detail::entry_of(__VA_ARGS__);                                             \
    }                                                                                                 \
    static_assert(true)
