#include "bench/programs.hpp"

namespace enclavisor::bench {

std::vector<Program> programs() {
    using enum InEnclave;
    std::vector<Program> all{
        {"micro", "micro", {}, 1024, kRuns},
        {"sqlite", "sqlite", {}, 1024, kRuns},
        {"sha256", "sha256", {}, 1024, kRuns},
        {"lua", "lua", {}, 1024, kRuns},
        {"threads-musl", "threads-musl", {}, 1024, kRuns},
        {"threads-glibc", "threads-glibc", {}, 1024, kRuns},
        {"round-trip", "round_trip", {}, 256, kRuns, true},
        {"yield", "yield", {}, 1024, kRuns},
        {"copy-on-write", "copy_on_write", {}, 1024, kHasOwn},
        {"idle-children-1", "idle_children", {"1"}, 1024, kHasOwn},
        {"idle-children-64", "idle_children", {"64"}, 1024, kHasOwn},
    };
    for (const unsigned mib : kForkHeapsMib) {
        const std::string size = std::to_string(mib), name = "fork-" + size;
        const std::uint64_t memory_mib = mib < 1024 ? 1024 : 2048;
        all.push_back({name, "fork", {size}, memory_mib, kHasOwn});
        if (mib > 1) all.push_back({name + "-huge", "fork", {size, "huge"}, memory_mib, kHasOwn});
    }
    return all;
}

}  // namespace enclavisor::bench
