#include "runtime/host/forward.hpp"

#include <cstring>
#include <optional>

#include "base/checked.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {
namespace {

using abi::Argument;
using abi::ArgumentKind;
using abi::ResultKind;

// Bytes of the buffer that argument `spec` describes; absent: overflow.
[[gnu::always_inline]] inline std::optional<std::uint64_t> capacity(const Argument& argument,
                                                                    const Arguments& arguments) {
    switch (argument.kind) {
        case ArgumentKind::kInput:
        case ArgumentKind::kOutput:
        case ArgumentKind::kInOut:
            return base::checked_multiply<std::uint64_t>(arguments[argument.length], argument.size);
        default:
            return argument.size;
    }
}

bool carries_in(ArgumentKind kind) {
    return kind == ArgumentKind::kInput || kind == ArgumentKind::kInOut ||
           kind == ArgumentKind::kInputStruct || kind == ArgumentKind::kInOutStruct;
}

constexpr bool carries_out(ArgumentKind kind) {
    return kind == ArgumentKind::kOutput || kind == ArgumentKind::kInOut ||
           kind == ArgumentKind::kOutputStruct || kind == ArgumentKind::kInOutStruct;
}

constexpr bool is_number(ArgumentKind kind) {
    return kind == ArgumentKind::kNone || kind == ArgumentKind::kConstant || kind == ArgumentKind::kValue ||
           kind == ArgumentKind::kFd || kind == ArgumentKind::kHashes;
}

// What the steps of a call ask about its row, worked out when this is compiled.
struct RowShape {
    std::uint8_t count = 0;         // arguments, trailing kNone left out
    std::uint8_t numbers = 0;       // bit i: argument i is no buffer
    bool outputs = false;           // any buffer comes back
    std::uint8_t count_buffer = 0;  // the buffer that bounds a kCount result
};

constexpr auto kShapes = [] {
    std::array<RowShape, abi::kForwardedCallCount> shapes{};
    for (std::size_t row = 0; row < shapes.size(); row++) {
        RowShape& shape = shapes[row];
        for (std::uint8_t i = 6; i-- > 0;) {
            const ArgumentKind kind = abi::kForwardedCalls[row].arguments[i].kind;
            if (kind != ArgumentKind::kNone && shape.count == 0) shape.count = i + 1;
            if (is_number(kind)) shape.numbers |= 1 << i;
            if (carries_out(kind)) shape.outputs = true;
            if (kind == ArgumentKind::kOutput || kind == ArgumentKind::kInput) shape.count_buffer = i;
        }
    }
    return shapes;
}();

const RowShape& shape_of(const abi::CallSpec& spec) {
    return kShapes[static_cast<std::size_t>(spec.call)];
}

// The length that bounds a kCount result: that of the row's first buffer.
[[gnu::always_inline]] inline std::uint64_t count_limit(const abi::CallSpec& spec,
                                                        const Arguments& arguments) {
    return capacity(spec.arguments[shape_of(spec).count_buffer], arguments).value_or(0);
}

}  // namespace

namespace {

[[gnu::always_inline]] inline bool allowed(const abi::CallSpec& spec, const Arguments& arguments,
                                           std::int64_t result) {
    if (result < 0) return result >= -abi::kMaxErrno;
    const auto value = static_cast<std::uint64_t>(result);
    switch (spec.result) {
        case ResultKind::kZero:
            return value == 0;
        case ResultKind::kFd:
            return result <= abi::kMaxHostFd;
        case ResultKind::kCount:
            return value <= count_limit(spec, arguments);
        case ResultKind::kPosition:
            return true;
        case ResultKind::kAtMost:
            return value <= spec.limit;
        case ResultKind::kAtMostArgument:
            return value <= arguments[spec.limit];
    }
    return false;
}

}  // namespace

bool result_allowed(const abi::CallSpec& spec, const Arguments& arguments, std::int64_t result) {
    return allowed(spec, arguments, result);
}

// Lays the buffers out in the data area, one after the other, and copies what
// goes to the host. 0 or -errno.
[[gnu::always_inline]] inline std::int64_t Forwarder::place(const abi::CallSpec& spec,
                                                            const Arguments& arguments,
                                                            abi::SubmissionEntry& entry) {
    const RowShape& shape = shape_of(spec);
    const std::uint64_t room = channel_->data_size();
    std::uint64_t next = 0;
#pragma GCC unroll 6
    for (std::size_t i = 0; i < shape.count; i++) {
        entry.arguments[i] = arguments[i];
        if (shape.numbers >> i & 1) continue;
        const Argument& argument = spec.arguments[i];
        if (arguments[i] == 0) {
            entry.arguments[i] = abi::kNoBuffer;
            continue;
        }
        entry.arguments[i] = next;
        std::byte* at = channel_->data() + next;
        std::uint64_t size;
        if (argument.kind == ArgumentKind::kPath) {
            // Only paths that the runtime holds come here: copied from the program once.
            const auto* path = reinterpret_cast<const char*>(arguments[i]);
            size = std::strlen(path) + 1;
            if (size > abi::kMaxPath || size > room - next) return -ENAMETOOLONG;
            std::memcpy(at, path, size);
        } else {
            const auto bytes = capacity(argument, arguments);
            if (!bytes || *bytes > room - next) return -EINVAL;
            size = *bytes;
            if (carries_in(argument.kind) && !copy_in(at, arguments[i], size)) return -EFAULT;
        }
        next = base::round_up<std::uint64_t>(next + size, 8);
        if (next > room) next = room;
    }
    return 0;
}

[[gnu::always_inline]] inline bool Forwarder::fetch(const abi::CallSpec& spec, const Arguments& arguments,
                                                    const abi::SubmissionEntry& entry, std::int64_t result) {
#pragma GCC unroll 6
    for (std::size_t i = 0; i < 6; i++) {
        const Argument& argument = spec.arguments[i];
        if (!carries_out(argument.kind) || arguments[i] == 0) continue;
        std::uint64_t size = capacity(argument, arguments).value_or(0);
        if (argument.kind == ArgumentKind::kOutput) size = static_cast<std::uint64_t>(result) * argument.size;
        if (!copy_out(arguments[i], channel_->data() + entry.arguments[i], size)) return false;
    }
    return true;
}

[[gnu::always_inline]] inline std::int64_t Forwarder::run(const abi::CallSpec& spec,
                                                          const Arguments& arguments) {
    abi::SubmissionEntry entry;
    entry.call = static_cast<std::uint32_t>(spec.call);
    if (const std::int64_t error = place(spec, arguments, entry); error != 0) return error;
    const std::int64_t result = channel_->call(entry, shape_of(spec).count, patience_);
    if (!allowed(spec, arguments, result)) return -EIO;
    if (result >= 0 && shape_of(spec).outputs && !fetch(spec, arguments, entry, result)) return -EFAULT;
    return result;
}

std::int64_t Forwarder::operator()(abi::ForwardedCall call, const Arguments& arguments) {
    using C = abi::ForwardedCall;
    // The calls that move data get code of their own, made from their rows.
    switch (call) {
        case C::kRead:
            return run(abi::spec_of(C::kRead), arguments);
        case C::kWrite:
            return run(abi::spec_of(C::kWrite), arguments);
        case C::kPread:
            return run(abi::spec_of(C::kPread), arguments);
        case C::kPwrite:
            return run(abi::spec_of(C::kPwrite), arguments);
        default:
            return run(abi::spec_of(call), arguments);
    }
}

}  // namespace enclavisor::runtime
