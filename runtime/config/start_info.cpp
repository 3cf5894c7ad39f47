#include "runtime/config/start_info.hpp"

#include <cstring>
#include <utility>

#include "runtime/config/strings.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint32_t kMaxPid = 1 << 22;
constexpr std::size_t kMaxHostName = 64;
// Clocks of the host may lie, but not so that sums of nanoseconds overflow.
constexpr std::uint64_t kMaxClock = 1ull << 62;

std::uint32_t plausible_pid(std::uint32_t pid, std::uint32_t otherwise) {
    return pid >= 1 && pid <= kMaxPid ? pid : otherwise;
}

}  // namespace

std::optional<std::size_t> claimed_size(const abi::StartInfo& header, std::size_t room) {
    if (header.magic != abi::kStartMagic) return std::nullopt;
    if (header.size < sizeof(abi::StartInfo) || header.size > room) return std::nullopt;
    return header.size;
}

std::optional<Start> parse_start(std::vector<std::byte> bytes) {
    Start start;
    start.bytes = std::move(bytes);
    if (start.bytes.size() < sizeof(abi::StartInfo)) return std::nullopt;
    std::memcpy(&start.info, start.bytes.data(), sizeof(abi::StartInfo));
    if (!claimed_size(start.info, start.bytes.size())) return std::nullopt;

    std::string_view rest{reinterpret_cast<const char*>(start.bytes.data()), start.info.size};
    rest.remove_prefix(sizeof(abi::StartInfo));
    if (!take_strings(rest, start.info.argument_count, start.arguments)) return std::nullopt;
    if (!take_strings(rest, start.info.environment_count, start.environment)) return std::nullopt;
    if (!take_string(rest, start.directory) || !take_string(rest, start.host_name)) return std::nullopt;
    if (start.directory.empty() || start.directory[0] != '/') start.directory = "/";
    if (start.host_name.empty() || start.host_name.size() > kMaxHostName) start.host_name = "enclave";

    start.info.pid = plausible_pid(start.info.pid, 2);
    start.info.ppid = plausible_pid(start.info.ppid, 1);
    start.info.umask &= 0777;
    if (start.info.wall_ns > kMaxClock) start.info.wall_ns = 0;
    if (start.info.monotonic_ns > kMaxClock) start.info.monotonic_ns = 0;
    return start;
}

}  // namespace enclavisor::runtime
