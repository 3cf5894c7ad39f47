// What a function enclave may ask of its host application: functions by number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "abi/host/call_slot.hpp"
#include "base/call_codec.hpp"

namespace enclavisor::host {

struct HostAnswer {
    abi::CallStatus status = abi::CallStatus::kOk;
    std::vector<std::byte> bytes;  // the result, as base/call_codec.hpp says
};

class HostFunctions {
public:
    // Gets the encoded arguments, a private copy, valid during the call.
    using Raw = std::function<HostAnswer(std::span<const std::byte> arguments)>;

    void on_raw(std::uint32_t number, Raw function) { functions_[number] = std::move(function); }

    // A callable with values, std::span<const std::byte> or std::string_view as
    // parameters, and a value, std::vector<std::byte>, HostAnswer or nothing as result:
    //   functions.on(kSum, [](int a, int b) { return a + b; });
    template <typename F>
    void on(std::uint32_t number, F function) {
        on_raw(number, typed(std::move(function), &F::operator()));
    }

    // For all numbers that have no function of their own; `room` is the most that the
    // result can have, bytes.
    using Otherwise = std::function<HostAnswer(std::uint32_t number, std::span<const std::byte> arguments,
                                               std::size_t room)>;
    void otherwise(Otherwise function) { otherwise_ = std::move(function); }

    // kUnknownFunction when there is none of this number.
    HostAnswer call(std::uint32_t number, std::span<const std::byte> arguments, std::size_t room) const {
        const auto found = functions_.find(number);
        if (found != functions_.end()) return found->second(arguments);
        if (otherwise_) return otherwise_(number, arguments, room);
        return {abi::CallStatus::kUnknownFunction, {}};
    }

private:
    template <typename F, typename R, typename... A>
    static Raw typed(F function, R (F::*)(A...) const) {
        return [function = std::move(function)](std::span<const std::byte> bytes) -> HostAnswer {
            base::Decoder decoder{bytes};
            std::tuple<std::decay_t<A>...> arguments{decoder.template take<std::decay_t<A>>()...};
            if (!decoder.finished()) return {abi::CallStatus::kBadArguments, {}};
            if constexpr (std::is_void_v<R>) {
                std::apply(function, std::move(arguments));
                return {};
            } else {
                return encoded(std::apply(function, std::move(arguments)));
            }
        };
    }
    static HostAnswer encoded(HostAnswer answer) { return answer; }
    static HostAnswer encoded(std::vector<std::byte> bytes) {
        return {abi::CallStatus::kOk, std::move(bytes)};
    }
    template <base::Codable T>
    static HostAnswer encoded(const T& value) {
        HostAnswer answer{abi::CallStatus::kOk, std::vector<std::byte>(sizeof(T))};
        std::memcpy(answer.bytes.data(), &value, sizeof(T));
        return answer;
    }

    std::map<std::uint32_t, Raw> functions_;
    Otherwise otherwise_;
};

}  // namespace enclavisor::host
