// libFuzzer: everything that the runtime parses of what a host sends.
#include <algorithm>
#include <cstring>
#include <span>

#include "runtime/config/config.hpp"
#include "runtime/config/execution.hpp"
#include "runtime/config/start_info.hpp"
#include "runtime/host/checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace enclavisor::runtime;
    if (size == 0) return 0;
    const std::span<const std::byte> bytes{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    switch (data[0] % 8) {
        case 0:
            directory_entries_valid(bytes);
            break;
        case 1:
            working_directory_valid({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
            break;
        case 2:
            if (const auto start = parse_start({bytes.begin(), bytes.end()})) {
                if (start->directory.empty() || start->info.pid == 0) __builtin_trap();
            }
            break;
        case 3:
            inotify_events_valid(bytes);
            break;
        case 4:
            if (const auto execution = parse_execution(bytes)) {
                if (execution->words.empty()) __builtin_trap();
            }
            break;
        case 5:
            if (socket_address_valid(bytes) && bytes.size() < 2) __builtin_trap();
            break;
        case 6: {
            struct flock lock {};
            std::memcpy(&lock, bytes.data(), std::min(bytes.size(), sizeof(lock)));
            if (lock_valid(lock, 100, 50) && lock.l_type != F_UNLCK && lock.l_start >= 150) __builtin_trap();
            break;
        }
        default:
            parse_config(bytes);
            break;
    }
    return 0;
}
