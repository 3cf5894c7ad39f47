#include "bench/rows.hpp"

#include <vector>

#include "bench/programs.hpp"

namespace enclavisor::bench {
namespace {

constexpr const char* kBoot = "Boot";
constexpr const char* kCalls = "Calls";
constexpr const char* kMemory = "Memory";
constexpr const char* kThreads = "Threads";
constexpr const char* kForks = "Fork";
constexpr const char* kCompute = "Computing";

constexpr const char* kPrograms = "Real programs";
constexpr const char* kServerNote =
    "Wall time, on a machine that does other things as well: medians of rounds that alternate between the "
    "two, with redis-benchmark on the host and its 50 clients. Linux's: one vCPU, virtio-net and a tap "
    "device. "
    "On two processors: the client, the vCPU and the proxy share them, and the client takes the proxy's at "
    "each "
    "answer. Several requests at once leave little but redis itself to measure.";
constexpr const char* kRoundTrips = "Round trips";

constexpr double kMostOfLinux = 1.02;

std::vector<Row> fixed_rows() {
    return {
        {.group = kBoot,
         .label = "reset to kernel ready for commands",
         .enclave = "boot.kernel_ready",
         .brief = true,
         .aim = 3e6},
        {.group = kBoot,
         .label = "reset to the first instruction of a program",
         .enclave = "boot.first_instruction",
         .linux_guest = "boot.init_reached",
         .brief = true,
         .aim = 3e6,
         .note =
             "Ours: an enclave of one page, with the hashing by the attestation enclave, and with the "
             "kernel's "
             "polling for the host's commands, which makes it vary. Linux's: `/init` alone in an initramfs, "
             "the "
             "kernel loaded uncompressed by qboot on `-machine microvm`; it does far more than our kernel."},
        {.group = kBoot,
         .label = "reset to `main` of a static program",
         .enclave = "micro.main_reached",
         .linux_guest = "micro.main_reached"},

        {.group = kCalls, .label = "null kernel call", .enclave = "kernel_call.null"},
        {.group = kCalls,
         .label = "null call (`getppid`)",
         .enclave = "micro.getppid",
         .linux_guest = "micro.getppid",
         .brief = true,
         .aim = 150,
         .note = "Answered by the Linux runtime inside the enclave. With libc's wrapper, in both."},
        {.group = kCalls,
         .label = "reading the clock (vDSO)",
         .enclave = "micro.clock_gettime",
         .linux_guest = "micro.clock_gettime"},
        {.group = kCalls,
         .label = "`write` of 1 byte",
         .enclave = "micro.write_1_byte",
         .linux_guest = "micro.write_1_byte",
         .brief = true,
         .aim = 400,
         .note = "Ours: the enclave's side of a call forwarded to the host, without the rounds of waiting "
                 "for it. "
                 "Linux's: its own write to `/dev/null`."},

        {.group = kMemory,
         .label = "page fault, anonymous memory",
         .enclave = "micro.fault_4k",
         .linux_guest = "micro.fault_4k",
         .brief = true,
         .aim = 1200},
        {.group = kMemory,
         .label = "the same per 4 KiB, where Linux may take huge pages",
         .enclave = "micro.fault_per_4k_as_it_likes",
         .linux_guest = "micro.fault_per_4k_as_it_likes"},
        {.group = kMemory,
         .label = "`mmap` + `munmap` of 4 KiB",
         .enclave = "micro.mmap_munmap",
         .linux_guest = "micro.mmap_munmap",
         .brief = true},
        {.group = kMemory,
         .label = "`mmap` + touch + `munmap` of 4 KiB",
         .enclave = "micro.mmap_touch_munmap",
         .linux_guest = "micro.mmap_touch_munmap"},
        {.group = kMemory,
         .label = "copy-on-write fault",
         .enclave = "copy-on-write.fault",
         .linux_guest = "copy-on-write.fault",
         .aim = 1500},

        {.group = kThreads,
         .label = "thread created + joined (musl)",
         .enclave = "threads-musl.create_join",
         .linux_guest = "threads-musl.create_join"},
        {.group = kThreads,
         .label = "thread created + joined (glibc)",
         .enclave = "threads-glibc.create_join",
         .linux_guest = "threads-glibc.create_join",
         .brief = true,
         .aim = 8000},
        {.group = kThreads,
         .label = "switch between two threads (`sched_yield`)",
         .enclave = "yield.switch",
         .linux_guest = "yield.switch",
         .brief = true,
         .aim = 500},
    };
}

std::vector<Row> round_trip_rows() {
    const auto time = [](const char* label, const char* enclave, const char* linux_guest, const char* note) {
        return Row{.group = kRoundTrips,
                   .label = label,
                   .enclave = enclave,
                   .linux_guest = linux_guest,
                   .unit = kNanoseconds,
                   .note = note};
    };
    const auto count = [](const char* label, const char* enclave, const char* unit) {
        return Row{.group = kRoundTrips, .label = label, .enclave = enclave, .unit = unit};
    };
    std::vector<Row> all{
        time("a word in shared memory, both sides polling (the floor)", "round-trip.bare", "",
             "Wall time, the best of many short runs, on a machine that does other things as well. The "
             "enclave's "
             "side is translated code (TCG), the host's is native."),
        time("null call, host to enclave", "round-trip.call_in", "", "Aim: within 2 times the floor."),
        time("null call, enclave to host", "round-trip.call_out", "", "Aim: within 2 times the floor."),
        time("`pwrite` of no byte by a Linux program", "round-trip.pwrite_nothing", "",
             "Forwarded to the host, where it is a system call that does next to nothing."),
        time("`pwrite` of 1 byte by a Linux program", "round-trip.pwrite_1_byte", "",
             "Forwarded to the host, to a file there: the host's own call is in it."),
        time("a byte to the guest's serial port and back", "", "round-trip.serial",
             "The ordinary way into a VM: a program in the guest that sends back what it reads."),
    };
    all.push_back(
        count("null call, host to enclave: the enclave's side", "round-trip.call_in_enclave", kInstructions));
    all.push_back(
        count("null call, host to enclave: the host's side", "round-trip.call_in_host", kHostInstructions));
    all.push_back(count("null call, enclave to host: the enclave's side", "round-trip.call_out_enclave",
                        kInstructions));
    all.push_back(
        count("null call, enclave to host: the host's side", "round-trip.call_out_host", kHostInstructions));
    all.push_back(
        count("forwarded `write` of 1 byte: the host's side", "round-trip.write_host", kHostInstructions));
    return all;
}

std::vector<Row> computing_rows() {
    const auto row = [](const char* label, const std::string& program, const char* note) {
        return Row{.group = kCompute,
                   .label = label,
                   .enclave = program + ".total",
                   .linux_guest = program + ".total",
                   .brief = true,
                   .aim_of_linux = kMostOfLinux,
                   .note = note};
    };
    return {
        row("SQLite in memory", "sqlite", ""),
        row("SHA-256 of 256 MiB (OpenSSL)", "sha256", ""),
        row("Python: numbers, lists, dictionaries, objects", "python-compute",
            "Python's hashes of strings differ from run to run: varies a little."),
        row("Lua: tables, strings, closures", "lua",
            "Lua takes the seed of its hash tables from the clock and from addresses: varies by 0.2 %."),
    };
}

std::vector<Row> program_rows() {
    return {
        {.group = kPrograms,
         .label = "python3: fork of a warm template to the first byte-code",
         .enclave = "python.first_bytecode",
         .brief = true,
         .aim = 60'000,
         .note = "From the host's command until Python goes on behind the call that made the template, and "
                 "has read the instruction counter through `ctypes`."},
        {.group = kPrograms,
         .label = "python3 with 30 imports, cold",
         .enclave = "python.life",
         .linux_guest = "python.life",
         .brief = true,
         .aim_of_linux = 1.2,
         .note = "From its start until it has ended. Ours: its files are the host's, without the rounds of "
                 "waiting for them, with the runtime's checks of its libraries' hashes; building and "
                 "measuring the "
                 "enclave is the row below. Linux's: its files are in memory."},
        {.group = kPrograms,
         .label = "building and measuring an enclave for python3",
         .enclave = "python.build"},
        {.group = kPrograms,
         .label = "python3 with 30 imports, from a template",
         .enclave = "python.instance_life",
         .linux_guest = "python.life",
         .brief = true,
         .aim_of_linux = 0.5,
         .note = "From the host's command until the instance has ended, Python's own end in it."},
    };
}

constexpr const char* kForkNote =
    "Ours: an instance of a template, made at the host's command; template and instance are an enclave "
    "without "
    "a Linux runtime. Linux's: `clone` as `fork` does it, without libc's share.";
constexpr const char* kLifeNote =
    "Ours: all instructions that the vCPU does not spend waiting for the host: fork, wake, write, stop, all "
    "frames "
    "given back.";

// One row per size of heap, and kind of pages in the Linux guest.
void add_forks(std::vector<Row>& all, const std::string& label, const std::string& line) {
    for (const std::string pages : {"", "-huge"}) {
        for (const unsigned mib : kForkHeapsMib) {
            if (mib == 1 && !pages.empty()) continue;
            const std::string size = mib < 1024 ? std::to_string(mib) + " MiB" : "1 GiB";
            const std::string program = "fork-" + std::to_string(mib);
            all.push_back({.group = kForks,
                           .label = label + ", heap of " + size + (pages.empty() ? "" : " (huge pages)"),
                           .enclave = program + "." + line,
                           .linux_guest = program + pages + "." + line,
                           .brief = line == "child_first" && (pages.empty() ? mib != 512 : mib == 1024),
                           .aim = line == "child_first" ? 4000.0 : 20000.0,
                           .note = mib > 1                 ? ""
                                   : line == "child_first" ? kForkNote
                                                           : kLifeNote});
        }
    }
}

void add_idle_children(std::vector<Row>& all) {
    for (const std::string mib : {"1", "64"}) {
        all.push_back({.group = kForks,
                       .label = "memory of a child that wrote one page and waits, heap of " + mib + " MiB",
                       .enclave = "idle-children-" + mib + ".kib_each",
                       .linux_guest = "idle-children-" + mib + ".kib_each",
                       .unit = kKib});
    }
}

void add_servers(std::vector<Row>& all) {
    for (const std::string pipelined : {"1", "16"}) {
        for (const std::string request : {"get", "set"}) {
            const std::string name = "redis." + request + "-" + pipelined;
            all.push_back({.group = kServers,
                           .label = "redis-server, " + request + (pipelined == "1" ? "" : ", 16 at once"),
                           .enclave = name,
                           .linux_guest = name,
                           .unit = kPerSecond,
                           .note = all.back().group == kServers ? "" : kServerNote,
                           .least_of_linux = 3});
        }
    }
    all.push_back({.group = kServers,
                   .label = "nginx, a page of 1 KiB",
                   .enclave = "nginx.get",
                   .linux_guest = "nginx.get",
                   .unit = kPerSecond,
                   .note = "One worker; wrk on the host with 32 connections that stay open.",
                   .least_of_linux = 3});
    all.push_back(
        {.group = kServers,
         .label = "SQLite on a file, transactions kept by fsync",
         .enclave = "sqlite-durable.transactions",
         .linux_guest = "sqlite-durable.transactions",
         .unit = "transactions/s",
         .note = "Ours: a file of the host. Linux's: ext4 on virtio-blk, whose image is a file beside it.",
         .least_of_linux = 2});
}

}  // namespace

std::vector<Row> rows() {
    std::vector<Row> all = fixed_rows();
    add_forks(all, "fork to the first instruction", "child_first");
    add_forks(all, "fork, touch of one page, exit, wait", "touch_exit_wait");
    add_idle_children(all);
    for (Row& row : computing_rows()) all.push_back(std::move(row));
    for (Row& row : program_rows()) all.push_back(std::move(row));
    add_servers(all);
    for (Row& row : round_trip_rows()) all.push_back(std::move(row));
    return all;
}

}  // namespace enclavisor::bench
