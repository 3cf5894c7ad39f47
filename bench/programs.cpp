#include "bench/programs.hpp"

namespace enclavisor::bench {

namespace {

std::vector<std::string> python_files() {
    std::vector<std::string> files{"/usr/lib/python3.11",        "/lib64/ld-linux-x86-64.so.2",
                                   "/etc/ld.so.cache",           BENCH_PROGRAMS "/imports.py",
                                   BENCH_PROGRAMS "/compute.py", BENCH_PROGRAMS "/ticks.so"};
    for (const char* name :
         {"libbz2.so.1.0", "libc.so.6", "libcrypto.so.3", "libexpat.so.1", "libffi.so.8", "liblzma.so.5",
          "libm.so.6", "libsqlite3.so.0", "libssl.so.3", "libuuid.so.1", "libz.so.1"}) {
        files.push_back(std::string{"/lib/x86_64-linux-gnu/"} + name);
    }
    return files;
}

}  // namespace

// Without the packages of the machine, and without writing what it compiles.
std::vector<std::string> python_arguments(const std::string& script) {
    return {"-I", "-S", "-B", BENCH_PROGRAMS "/" + script, BENCH_PROGRAMS "/ticks.so"};
}

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
    all.push_back({"python", kPython, python_arguments("imports.py"), 1024, kHasOwn, false, python_files()});
    all.push_back(
        {"python-compute", kPython, python_arguments("compute.py"), 1024, kRuns, false, python_files()});
    for (const unsigned mib : kForkHeapsMib) {
        const std::string size = std::to_string(mib), name = "fork-" + size;
        const std::uint64_t memory_mib = mib < 1024 ? 1024 : 2048;
        all.push_back({name, "fork", {size}, memory_mib, kHasOwn});
        if (mib > 1) all.push_back({name + "-huge", "fork", {size, "huge"}, memory_mib, kHasOwn});
    }
    return all;
}

}  // namespace enclavisor::bench
