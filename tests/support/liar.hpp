// Answers forwarded calls: honestly, but for one call, about which it lies from
// the moment the program asks for a path named "now-lie".
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "abi/host/forwarded_calls.hpp"
#include "host/proxy/executor.hpp"

namespace enclavisor::tests {

class Liar {
public:
    // `hashes`: those of the enclave's trusted files.
    Liar(abi::ForwardedCall about, unsigned first, int hashes = -1)
        : about_{about}, lie_{first}, descriptors_before_{descriptors()} {
        executor_.serve_hashes(hashes);
    }
    // Closes what the enclave opened in this process.
    ~Liar() {
        for (const int fd : descriptors()) {
            if (!descriptors_before_.contains(fd)) ::close(fd);
        }
    }
    Liar(const Liar&) = delete;

    std::int64_t answer(const abi::SubmissionEntry& entry, std::span<std::byte> data) {
        const auto call = static_cast<abi::ForwardedCall>(entry.call);
        if (!armed_) {
            armed_ = asks_to_lie(call, entry, data);
            return armed_ ? -2 : executor_.execute(entry, data);
        }
        // The number may be made up, and one of this process's own.
        const bool own = descriptors_before_.contains(static_cast<int>(entry.arguments[0]));
        if (call == abi::ForwardedCall::kClose && call != about_ && own) return 0;
        if (call != about_) return executor_.execute(entry, data);
        told_++;
        std::lock_guard guard{mutex_};  // the enclave's threads ask at once
        return lie(abi::spec_of(call), entry, data);
    }
    unsigned lies_told() const { return told_; }
    unsigned next_lie() const { return lie_; }

private:
    static std::set<int> descriptors() {
        std::set<int> result;
        for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
            result.insert(std::stoi(entry.path().filename().string()));
        }
        return result;
    }

    static bool asks_to_lie(abi::ForwardedCall call, const abi::SubmissionEntry& entry,
                            std::span<std::byte> data) {
        using C = abi::ForwardedCall;
        if (call != C::kFaccessat && call != C::kFstatat && call != C::kStatx) return false;
        const std::uint64_t offset = entry.arguments[1];
        if (offset >= data.size()) return false;
        const std::string_view rest{reinterpret_cast<const char*>(data.data()) + offset,
                                    std::min<std::size_t>(data.size() - offset, 4096)};
        return rest.substr(0, rest.find('\0')).ends_with("now-lie");
    }

    // Rubbish in the whole data area, then a result that is out of range, on its
    // edge, or plausible but made up.
    std::int64_t lie(const abi::CallSpec& spec, const abi::SubmissionEntry& entry,
                     std::span<std::byte> data) {
        for (std::size_t i = 0; i + 8 <= std::min<std::size_t>(data.size(), 16384); i += 8) {
            const std::uint64_t garbage = random_();
            __builtin_memcpy(data.data() + i, &garbage, 8);
        }
        std::int64_t capacity = 64;
        for (const auto& argument : spec.arguments) {
            if (argument.kind == abi::ArgumentKind::kOutput || argument.kind == abi::ArgumentKind::kInput) {
                capacity = static_cast<std::int64_t>(entry.arguments[argument.length]) * argument.size;
            }
        }
        constexpr std::int64_t kMax = 0x7fff'ffff'ffff'ffff;
        const std::int64_t results[] = {capacity + 1,
                                        capacity,
                                        capacity * 2,
                                        0,
                                        1,
                                        -1,
                                        -2,
                                        -133,
                                        -134,
                                        -4095,
                                        -4096,
                                        -5000,
                                        -100'000,
                                        kMax,
                                        -kMax - 1,
                                        kMax - 7,
                                        0xffff'ffff,
                                        0x8000'0000,
                                        0x7fff'ffff,
                                        1 << 20,
                                        (1 << 20) + 1,
                                        0x7f00'0000'1000,
                                        -0x7f00'0000'1000,
                                        0x1'0000'0000,
                                        4096,
                                        262144,
                                        262145,
                                        3,
                                        77,
                                        256,
                                        static_cast<std::int64_t>(random_()),
                                        static_cast<std::int64_t>(random_() & 0xffff)};
        return results[lie_++ % std::size(results)];
    }

    abi::ForwardedCall about_;
    std::atomic<unsigned> lie_;
    std::atomic<unsigned> told_{0};
    std::atomic<bool> armed_ = false;
    std::mutex mutex_;
    host::Executor executor_{{}};
    std::mt19937_64 random_{99};
    std::set<int> descriptors_before_;
};

}  // namespace enclavisor::tests
