#include "runtime/files/devices.hpp"

#include "runtime/support/random.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kStep = 512;

}  // namespace

std::int64_t fill_random(const Buffers& to) {
    std::uint64_t words[kStep / 8];
    for (std::uint64_t done = 0; done < to.size();) {
        const std::uint64_t step = std::min(kStep, to.size() - done);
        for (std::uint64_t i = 0; i * 8 < step; i++) words[i] = random_number();
        if (!to.write(done, words, step)) return done > 0 ? static_cast<std::int64_t>(done) : -EFAULT;
        done += step;
    }
    return static_cast<std::int64_t>(to.size());
}

std::int64_t DeviceFile::read(const Buffers& to, std::uint64_t) {
    static constexpr std::byte kZeros[4096]{};
    if (!readable()) return -EBADF;
    if (kind_ == DeviceKind::kNull) return 0;
    if (kind_ == DeviceKind::kRandom) return fill_random(to);
    for (std::uint64_t done = 0; done < to.size();) {
        const std::uint64_t step = std::min<std::uint64_t>(sizeof(kZeros), to.size() - done);
        if (!to.write(done, kZeros, step)) return done > 0 ? static_cast<std::int64_t>(done) : -EFAULT;
        done += step;
    }
    return static_cast<std::int64_t>(to.size());
}

std::int64_t DeviceFile::write(const Buffers& from, std::uint64_t) {
    if (!writable()) return -EBADF;
    if (kind_ == DeviceKind::kFull) return -ENOSPC;
    return static_cast<std::int64_t>(from.size());
}

}  // namespace enclavisor::runtime
