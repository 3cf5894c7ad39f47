#include "sim/guest_ram.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/checked.hpp"
#include "host/lib/qemu_command.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint64_t kFourGigabytes = 1ull << 32;

host::Result<host::Mapping> map_all(int fd, std::uint64_t mib, const char* what) {
    struct stat facts {};
    if (::fstat(fd, &facts) != 0 || static_cast<std::uint64_t>(facts.st_size) < mib << 20)
        return host::fail(fmt::format("descriptor {} is no {} memory of {} MiB", fd, what, mib),
                          "give the files that QEMU has");
    return host::Mapping::create(fd, 0, mib << 20);
}

// Of the RAM, how much lies below 4 GiB.
std::uint64_t low_size(std::uint64_t memory_mib) {
    const std::uint64_t end = host::private_memory_mib(memory_mib) << 20;
    return end <= kFourGigabytes ? end : (memory_mib << 20) - (end - kFourGigabytes);
}

std::optional<std::span<std::byte>> part(std::span<std::byte> bytes, std::uint64_t at, std::uint64_t size) {
    if (!base::range_within(at, size, 0, bytes.size())) return std::nullopt;
    return bytes.subspan(at, size);
}

}  // namespace

host::Result<GuestRam> GuestRam::map(std::uint64_t memory_mib, int shared, int private_memory) {
    auto open = TRY(map_all(shared, memory_mib, "shared"));
    auto closed = TRY(map_all(private_memory, host::private_memory_mib(memory_mib), "private"));
    return GuestRam{memory_mib, std::move(open), std::move(closed)};
}

std::optional<std::span<std::byte>> GuestRam::shared(std::uint64_t address, std::uint64_t size) {
    const std::uint64_t low = low_size(mib_);
    const auto all = shared_.bytes();
    if (address < low) return part(all.first(low), address, size);
    if (address < kFourGigabytes) return std::nullopt;
    return part(all.subspan(low), address - kFourGigabytes, size);
}

std::optional<std::span<std::byte>> GuestRam::private_at(std::uint64_t address, std::uint64_t size) {
    if (!shared(address, size)) return std::nullopt;
    return part(private_.bytes(), address, size);
}

}  // namespace enclavisor::sim
