// A Linux guest under the same QEMU with the same programs: what a user would
// otherwise run in the secure VM.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "bench/figures.hpp"
#include "bench/programs.hpp"
#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/process.hpp"

namespace enclavisor::bench {

// Without the defences and the clearing of memory at allocation that Debian's
// kernel has by default, and without the self-tests of its boot.
inline constexpr const char* kTuned =
    "mitigations=off init_on_alloc=0 apparmor=0 randomize_kstack_offset=off cryptomgr.notests";

inline constexpr const char* kGuestAddress = "10.77.53.2";

struct LinuxKernel {
    std::filesystem::path image;    // an ELF file with a PVH entry: no time goes into decompression
    std::string version;            // of the Debian package
    std::filesystem::path modules;  // its drivers of virtio
};

// The kernel that fetch_kernel.sh left in `directory`.
host::Result<LinuxKernel> find_linux_kernel(const std::filesystem::path& directory);

class LinuxArm {
public:
    LinuxArm(LinuxKernel kernel, std::filesystem::path programs, std::filesystem::path work)
        : kernel_{std::move(kernel)}, programs_{std::move(programs)}, work_{std::move(work)} {}

    // Boots a guest that does nothing: "boot.init_reached".
    host::Result<Figures> boot(const std::string& options);
    // Boots a guest that runs one program.
    host::Result<Figures> run(const Program& program, const std::string& options);

    // The same with time instead of instructions, and with a directory on a disk of its own (virtio-blk,
    // ext4) as the program's first argument.
    host::Result<Figures> run_on_disk(const Program& program);

    // A byte to the guest's serial port and back, by a program there: "round-trip.serial",
    // nanoseconds, the best of many.
    host::Result<Figures> serial_round_trip();

    // Boots a guest with a network whose program is a server. The guest ends with what is returned.
    // This machine reaches it at kGuestAddress, by virtio-net and a tap device, which needs root.
    host::Result<host::Process> serve(const Program& program);
    // Until the server accepts connections.
    static host::Result<void> wait_until_reachable(const std::string& port);

    // What the server of a guest that has ended printed.
    std::string output() const;

    const LinuxKernel& kernel() const { return kernel_; }
    static std::string command_line(const std::string& options);

private:
    struct Guest {
        std::uint64_t memory_mib;
        std::string options;  // of the kernel
        bool counting = true;
        host::Fd serial{};  // the other end of its serial port
        std::filesystem::path disk{};
    };
    // What a program as the guest's only one prints; `meanwhile` is done while it runs.
    host::Result<std::string> output_of(
        const Program* program, Guest guest,
        const std::function<host::Result<void>()>& meanwhile = [] { return host::Result<void>{}; });

    enum class Devices { kNone, kNetwork, kDisk };
    host::Result<void> write_initramfs(const Program* program, Devices devices);
    host::Result<Figures> figures_of(const Program& program, Guest guest);

    LinuxKernel kernel_;
    std::filesystem::path programs_, work_;
};

}  // namespace enclavisor::bench
